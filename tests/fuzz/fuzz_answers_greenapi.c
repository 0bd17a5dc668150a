#define PROVIDER &provider_greenapi
#include "answers.h"
