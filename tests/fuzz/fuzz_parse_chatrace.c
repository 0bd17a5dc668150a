#define PROVIDER PROVIDER_CHATRACE
#include "parse.h"
