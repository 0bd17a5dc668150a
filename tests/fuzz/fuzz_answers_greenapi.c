#define PROVIDER PROVIDER_GREENAPI
#include "answers.h"
