#define PROVIDER &provider_chatrace
#include "answers.h"
