/// AWS Signature Version 4 of requests to S3, in headers, over the whole body.
#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/net/http_client.h"
#include "cep/value/time.h"

namespace tocsin::api {
struct S3Credentials {
  std::string key_id;
  std::string secret;
  std::string token = {};  // of temporary ones
};
struct S3Request {
  std::string method;
  std::string path;                                             // percent-encoded, but its slashes
  std::vector<std::pair<std::string, std::string>> query = {};  // not encoded
  std::vector<HttpHeader> headers = {};
  std::string_view body = {};
};
/// Path and query as they are sent and signed.
std::string s3_target(const S3Request& request);
/// The request's headers and those that sign it; `host` is the value of the header Host.
std::vector<HttpHeader> s3_signed(const S3Request& request, std::string_view host,
                                  std::string_view region, const S3Credentials& credentials,
                                  cep::EventTime now);
}  // namespace tocsin::api
