#define PROVIDER PROVIDER_GRAPH
#include "answers.h"
