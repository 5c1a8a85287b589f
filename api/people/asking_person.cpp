#include "api/people/asking_person.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string_view>
#include <tuple>
#include <utility>

#include "api/rest/session_store.h"
#include "cep/base/trimmed.h"

namespace tocsin::api {
namespace {
constexpr std::size_t kGroupsMax = 1000;

bool is_header_name(std::string_view name) {
  constexpr std::string_view kSigns = "!#$%&'*+-.^_`|~";
  return !name.empty() && std::ranges::all_of(name, [&](char letter) {
    const char lower = static_cast<char>(letter | 0x20);
    return (letter >= '0' && letter <= '9') || (lower >= 'a' && lower <= 'z') ||
           kSigns.find(letter) != kSigns.npos;
  });
}

std::string in_lower_case(std::string_view name) {
  std::string lower(name);
  std::ranges::transform(lower, lower.begin(), [](char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter | 0x20) : letter;
  });
  return lower;
}

// Of our own meaning, or of the client's: nobody else may be named by them.
bool is_taken(std::string_view lower) {
  return lower == "authorization" || lower == "cookie" || lower == "host" || lower == "origin";
}

Result<std::string> read_header_name(const char* setting, const std::string& name) {
  if (name.empty()) return name;
  std::string lower = in_lower_case(name);
  if (is_header_name(name) && !is_taken(lower)) return lower;
  return fail(Errc::kInvalidArgument,
              fmt::format("{}: `{}` is no header that a proxy may name people by, such as "
                          "X-Forwarded-User",
                          setting, name));
}

cep::EventTime time_of(std::chrono::system_clock::time_point time) {
  return cep::EventTime{
      std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count()};
}
}  // namespace

Result<AskingPeople> AskingPeople::make(const PeopleHeaders& headers) {
  AskingPeople asking;
  for (const auto& [setting, given, header] :
       {std::tuple{"people.header", &headers.person, &asking.person_header_},
        std::tuple{"people.groups_header", &headers.groups, &asking.groups_header_}}) {
    Result<std::string> name = read_header_name(setting, *given);
    if (!name) return tl::unexpected(name.error());
    *header = *std::move(name);
  }
  for (const std::string& text : headers.proxies) {
    const Result<IpRange> range = IpRange::parse(text);
    if (!range) return fail(Errc::kInvalidArgument, "people.proxies: " + range.error().message);
    asking.proxies_.push_back(*range);
  }
  if (asking.person_header_.empty() != asking.proxies_.empty()) {
    return fail(Errc::kInvalidArgument,
                asking.proxies_.empty()
                    ? "people.header is believed of the addresses in people.proxies, and there are "
                      "none: name that of the proxy"
                    : "people.proxies are believed by the header in people.header: name it");
  }
  if (asking.person_header_.empty() && !asking.groups_header_.empty()) {
    return fail(Errc::kInvalidArgument,
                "people.groups_header is of the person in people.header: name that too");
  }
  if (!asking.groups_header_.empty() && asking.groups_header_ == asking.person_header_) {
    return fail(Errc::kInvalidArgument,
                "people.header and people.groups_header are two headers: name two");
  }
  return asking;
}

tl::expected<std::optional<Person>, std::string> AskingPeople::named_by_proxy(
    const RequestHead& head) const {
  std::optional<std::string> name;
  std::vector<std::string> groups;
  for (const HttpHeader& header : head.headers) {
    if (header.name == person_header_) {
      // Of two lines one may be the client's own.
      if (name) return tl::unexpected(fmt::format("the header {} is there twice", person_header_));
      name = std::string(trimmed(header.value));
    } else if (!groups_header_.empty() && header.name == groups_header_) {
      std::string_view rest = header.value;
      while (!rest.empty()) {
        const std::string_view group = rest.substr(0, rest.find(','));
        rest.remove_prefix(std::min(rest.size(), group.size() + 1));
        std::string who = fmt::format("group:{}", trimmed(group));
        if (is_who(who) && groups.size() < kGroupsMax) groups.push_back(std::move(who));
      }
    }
  }
  if (!name || name->empty()) return std::nullopt;
  Person person{{"person:" + *name}, std::move(groups)};
  if (!is_who(person.names.front()))
    return tl::unexpected(fmt::format("the header {} has no name of a person", person_header_));
  return person;
}

tl::expected<std::optional<Person>, std::string> AskingPeople::person_of(
    const HttpRequest& request) const {
  if (!person_header_.empty()) {
    const std::optional<IpAddress> sender = IpAddress::parse(request.sender());
    const bool is_believed = sender && std::ranges::any_of(proxies_, [&](const IpRange& range) {
                               return range.contains(*sender);
                             });
    if (is_believed) {
      auto named = named_by_proxy(request.head());
      if (!named || *named) return named;
    }
  }
  const ClientCertificate* const certificate = request.certificate();
  if (certificate == nullptr) return std::nullopt;
  Person person;
  for (const std::string& name : certificate->names) {
    std::string who = "certificate:" + name;
    if (is_who(who)) person.names.push_back(std::move(who));
  }
  if (person.names.empty()) return std::nullopt;
  person.ends_at = time_of(certificate->ends);
  return person;
}

bool came_by_https(const TrustedProxies& proxies, const HttpRequest& request) {
  const std::optional<IpAddress> sender = IpAddress::parse(request.sender());
  if (!sender) return false;
  const auto lines = [&](std::string_view name) {
    TrustedProxies::HeaderLines values;
    for (const HttpHeader& header : request.head().headers) {
      if (header.name == name) values.emplace_back(header.value);
    }
    return values;
  };
  const std::string_view header = proxies.header_of(*sender);
  return !header.empty() && proxies.is_https(*sender, lines(header), lines("x-forwarded-proto"));
}

std::string foreign_page(const RequestHead& head, bool is_secure) {
  const bool is_of_browser = head.header("origin") || head.header("sec-fetch-site");
  if (!is_of_browser || is_own_origin(head, is_secure)) return {};
  return fmt::format("a change comes from a page of {}, not of {}",
                     head.header("origin").value_or("an unknown origin"),
                     head.header("host").value_or(""));
}
}  // namespace tocsin::api
