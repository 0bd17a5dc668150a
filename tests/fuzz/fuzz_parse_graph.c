#define PROVIDER &provider_graph
#include "parse.h"
