#define PROVIDER PROVIDER_GREENAPI
#include "parse.h"
