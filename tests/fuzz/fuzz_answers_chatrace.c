#define PROVIDER PROVIDER_CHATRACE
#include "answers.h"
