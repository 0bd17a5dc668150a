#define PROVIDER PROVIDER_MOCK
#include "parse.h"
