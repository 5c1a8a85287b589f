/// Requests that are tried on the HTTP server, and what each is answered.
#pragma once
#include <string>
#include <vector>

namespace tocsin::tests {
struct HttpProbe {
  const char* what;
  std::string bytes;
  const char* outcome;  // the statuses of all answers, and what becomes of the connection
  const char* body;     // that was understood of the first; null: not looked at
};
const std::vector<HttpProbe>& http_probes();
}  // namespace tocsin::tests
