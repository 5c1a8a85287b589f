/// A router with a token for each role, asked without a network.
#pragma once
#include <doctest/doctest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "api/rest/router.h"
#include "tests/api/fake_request.h"

namespace tocsin::tests {
class ApiClient {
 public:
  /// What is kept by idempotency keys, and who hears of changes, if anything is and anybody does.
  explicit ApiClient(api::AnswerStore* answers = nullptr, api::AuditLog* audit = nullptr,
                     api::RefusalTally* refusals = nullptr)
      : router({.version = "1",
                .rate = {.per_second = 1e6, .burst = 1e6},
                .audit = audit,
                .refusals = refusals,
                .answers = answers,
                .now = {}}) {
    for (const api::Role role :
         {api::Role::kProducer, api::Role::kReader, api::Role::kApprover, api::Role::kAnalyst,
          api::Role::kAuthor, api::Role::kOperator, api::Role::kAdmin}) {
      const std::string name(api::role_name(role));
      api::NewToken made = *api::make_token({name, role});
      tokens_[name] = made.token;
      REQUIRE(access_.add(made.stored).has_value());
    }
  }
  /// Asks as the token of that role's name.
  api::HttpResponse ask(const std::string& who, const std::string& method,
                        const std::string& target, const std::string& body = "",
                        std::vector<api::HttpHeader> headers = {}) {
    headers.push_back({"authorization", "Bearer " + tokens_.at(who)});
    const auto has_type = [&] {
      for (const api::HttpHeader& header : headers) {
        if (header.name == "content-type") return true;
      }
      return false;
    };
    if (!body.empty() && !has_type()) headers.push_back({"content-type", "application/json"});
    FakeRequest request(method, target, std::move(headers), body);
    return router.handle(request, access_);
  }
  /// The same, for an answer of that status that is JSON.
  nlohmann::ordered_json json(int status, const std::string& who, const std::string& method,
                              const std::string& target, const std::string& body = "",
                              std::vector<api::HttpHeader> headers = {}) {
    const api::HttpResponse response = ask(who, method, target, body, std::move(headers));
    CAPTURE(target);
    CAPTURE(response.body);
    REQUIRE(response.status == status);
    if (response.body.empty()) return {};
    return nlohmann::ordered_json::parse(response.body);
  }
  /// All that a streamed answer gives.
  static std::string streamed(const api::HttpResponse& response) {
    REQUIRE(response.stream);
    return tests::streamed(response, [](const std::string&) { return false; });
  }

  api::Router router;

 private:
  api::AccessList access_;
  std::map<std::string, std::string> tokens_;
};
}  // namespace tocsin::tests
