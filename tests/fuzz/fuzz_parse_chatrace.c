#define PROVIDER &provider_chatrace
#include "parse.h"
