/// A schema registry over HTTP, with the API of Confluent's: `GET /schemas/ids/17`.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "api/net/webhook_url.h"
#include "api/outbound/http_get.h"
#include "cep/base/result.h"
#include "runtime/formats/schema_registry.h"

namespace tocsin::api {
struct HttpRegistryOptions {
  WebhookUrl url;  // below which its paths are
  /// "USER:PASSWORD", for basic authentication; empty: none.
  std::string credentials;
  HttpGetLimits limits;
  /// Schemas that one refers to, directly or not.
  std::size_t references_max = 100;
};
/// Threading: as runtime::SchemaRegistry.
class HttpRegistry : public runtime::SchemaRegistry {
 public:
  /// Nothing is asked yet. Fails as HttpGet::make().
  static Result<std::unique_ptr<HttpRegistry>> make(const HttpRegistryOptions& options);
  Result<runtime::RegisteredSchema> fetch(std::uint32_t id) override;
  void stop() override { http_->stop(); }
  std::string name() const override { return http_->url().text(); }

 private:
  struct Answer;
  using Reference = std::pair<std::string, std::int64_t>;  // subject and version
  HttpRegistry(std::unique_ptr<HttpGet> http, const HttpRegistryOptions& options);
  Result<Answer> ask(const std::string& path, const std::string& what);
  Result<void> follow(const Answer& from, std::set<Reference>& seen,
                      std::vector<runtime::NamedSchema>& to);

  const std::unique_ptr<HttpGet> http_;
  const std::string base_;  // the path before that of its API
  const std::vector<HttpHeader> headers_;
  const std::size_t references_max_;
};
}  // namespace tocsin::api
