#define PROVIDER &provider_graph
#include "answers.h"
