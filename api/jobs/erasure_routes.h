/// The operations that erase a person, and show how far that is.
#pragma once
#include "api/jobs/erasure_jobs.h"
#include "api/rest/router.h"

namespace tocsin::api {
/// `erasures` outlives the router.
void add_erasure_routes(Router& router, ErasureJobs& erasures);
}  // namespace tocsin::api
