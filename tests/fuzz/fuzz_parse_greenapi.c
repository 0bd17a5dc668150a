#define PROVIDER &provider_greenapi
#include "parse.h"
