#define PROVIDER &provider_cloud
#include "parse.h"
