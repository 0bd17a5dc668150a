#define PROVIDER PROVIDER_GRAPH
#include "parse.h"
