/// When a certificate ends.
#pragma once
#include <string>

#include "cep/base/result.h"
#include "cep/value/time.h"

namespace tocsin::api {
/// Of the first certificate of a PEM file. Errors: kIo for a file that cannot be read,
/// kInvalidArgument where it begins with no certificate.
Result<cep::EventTime> certificate_end(const std::string& file);
}  // namespace tocsin::api
