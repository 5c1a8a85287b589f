// Any bytes as the headers by which a browser is known: its cookies, and the page that it comes
// from. A cookie is found as a plain reading finds it, and only if it is the only one of its name.
#include <string>
#include <string_view>
#include <vector>

#include "api/net/http_head.h"
#include "api/rest/session_store.h"
#include "tests/fuzz/fuzz_target.h"

namespace tocsin::fuzz {
namespace {
using namespace api;

std::string without_blanks(std::string text) {
  constexpr std::string_view kBlanks = " \t";
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

// Values of the cookies of that name, in all headers.
std::vector<std::string> values_of(const RequestHead& head, std::string_view name) {
  std::vector<std::string> values;
  for (const HttpHeader& header : head.headers) {
    if (header.name != "cookie") continue;
    std::string pair;
    for (const char letter : header.value + ";") {
      if (letter != ';') {
        pair += letter;
        continue;
      }
      const std::size_t equals = pair.find('=');
      if (equals != std::string::npos && without_blanks(pair.substr(0, equals)) == name)
        values.push_back(without_blanks(pair.substr(equals + 1)));
      pair.clear();
    }
  }
  return values;
}
}  // namespace

void try_head(std::string_view lines) {
  const auto head = parse_request_head("GET / HTTP/1.1\r\n" + std::string(lines) + "\r\n\r\n", {});
  if (!head) return;
  for (const char* const name : {"tocsin", "__Host-tocsin", "tocsin-sign-in"}) {
    const std::vector<std::string> values = values_of(*head, name);
    const auto found = session_cookie(*head, name);
    require(found.has_value() == (values.size() == 1 && !values.front().empty()),
            "a cookie counts if it is the only one of its name");
    require(!found || *found == values.front(), "a cookie has its value");
  }
  const std::string origin(head->header("origin").value_or(""));
  const std::string host(head->header("host").value_or(""));
  const bool is_by_https = is_own_origin(*head, true);
  require(is_by_https == (origin == "https://" + host), "only HTTPS, of this host");
  require(is_own_origin(*head, false) == (is_by_https || origin == "http://" + host),
          "HTTP counts where it may");
}
}  // namespace tocsin::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tocsin::fuzz::try_head(tocsin::fuzz::text_of(data, size));
  return 0;
}
