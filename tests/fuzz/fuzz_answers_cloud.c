#define PROVIDER &provider_cloud
#include "answers.h"
