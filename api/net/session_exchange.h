/// What a connection has of the request that it answers.
#pragma once
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "api/net/body_reader.h"
#include "api/net/http_exchange.h"

namespace tocsin::api {
/// While a worker has it, or its answer comes later, the loop leaves it alone (HttpSession, states
/// kWork and kStreamWork).
struct SessionExchange {
  using Moment = std::chrono::steady_clock::time_point;
  SessionExchange(RequestHead head, const std::string& remote, Moment began_in)
      : request(std::move(head), remote), began(began_in) {}
  HttpRequest request;
  Moment began;
  HttpAdmission admission;
  HttpPromise::Make make;  // of an answer that came later, until a worker has room for it
  std::optional<BodyReader> body;
  bool is_read = true;  // the next request begins at the next byte
  std::shared_ptr<HttpStream> stream;
  std::shared_ptr<std::atomic<bool>> is_woken;  // and nobody has looked yet
  bool is_chunked = false;
};
}  // namespace tocsin::api
