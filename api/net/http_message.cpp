#include "api/net/http_message.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "cep/base/trimmed.h"

namespace tocsin::api {
namespace {
constexpr std::int64_t kRetryAfterMax = 86'400;  // seconds

bool is_digit(char letter) { return letter >= '0' && letter <= '9'; }

bool is_token(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [&](char letter) {
    const char lower = static_cast<char>(letter | 0x20);
    return is_digit(letter) || (lower >= 'a' && lower <= 'z') || kMarks.find(letter) != kMarks.npos;
  });
}

bool is_header_value(std::string_view text) {
  return std::ranges::all_of(text, [](char letter) {
    return static_cast<unsigned char>(letter) >= ' ' && letter != 0x7f;
  });
}

bool equal_without_case(std::string_view left, std::string_view right) {
  const auto lower = [](char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter | 0x20) : letter;
  };
  return std::ranges::equal(left, right, {}, lower, lower);
}

template <typename Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number = 0;
  if (text.empty() || !std::ranges::all_of(text, is_digit)) return std::nullopt;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec != std::errc{}) return std::nullopt;
  return number;
}

// Takes the next line from `rest`, without its end.
std::string_view take_line(std::string_view& rest) {
  std::string_view line = rest.substr(0, rest.find('\n'));
  rest.remove_prefix(std::min(rest.size(), line.size() + 1));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

// True when a comma-separated header value holds `word`.
bool has_list_word(std::string_view value, std::string_view word) {
  while (!value.empty()) {
    const std::string_view item = value.substr(0, value.find(','));
    if (equal_without_case(trimmed(item), word)) return true;
    value.remove_prefix(std::min(value.size(), item.size() + 1));
  }
  return false;
}

// "Sun, 06 Nov 1994 08:49:37 GMT" as seconds since the epoch.
std::optional<std::int64_t> parse_fixdate(std::string_view text) {
  constexpr std::string_view kForm = "Sun, 06 Nov 1994 08:49:37 GMT";
  constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  if (text.size() != kForm.size()) return std::nullopt;
  for (const std::size_t at : {3, 4, 7, 11, 16, 19, 22, 25, 26, 27, 28}) {
    if (text[at] != kForm[at]) return std::nullopt;
  }
  const auto month = std::ranges::find(kMonths, text.substr(8, 3));
  const auto day = parse_number<unsigned>(text.substr(5, 2));
  const auto year = parse_number<int>(text.substr(12, 4));
  const auto hour = parse_number<int>(text.substr(17, 2));
  const auto minute = parse_number<int>(text.substr(20, 2));
  const auto second = parse_number<int>(text.substr(23, 2));
  if (month == kMonths.end() || !day || !year || !hour || !minute || !second) return std::nullopt;
  const std::chrono::year_month_day date(
      std::chrono::year(*year),
      std::chrono::month(static_cast<unsigned>(month - kMonths.begin()) + 1),
      std::chrono::day(*day));
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return ((days * 24 + *hour) * 60 + *minute) * 60 + *second;
}

Result<void> append_headers(std::string& message, std::span<const HttpHeader> headers) {
  for (const HttpHeader& header : headers) {
    if (!is_token(header.name))
      return fail(Errc::kInvalidArgument, "the name of an HTTP header is no token");
    if (!is_header_value(header.value)) {
      return fail(Errc::kInvalidArgument,
                  "the value of an HTTP header holds a control character: " + header.name);
    }
    message += fmt::format("{}: {}\r\n", header.name, header.value);
  }
  return {};
}
}  // namespace

Result<std::string> format_post(const WebhookUrl& url, std::span<const HttpHeader> headers,
                                std::string_view body) {
  std::string message =
      fmt::format("POST {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: tocsin/{}\r\nAccept: */*\r\n",
                  url.target, url.authority(), TOCSIN_VERSION);
  const bool has_type = std::ranges::any_of(headers, [](const HttpHeader& header) {
    return equal_without_case(header.name, "Content-Type");
  });
  if (!has_type) message += "Content-Type: application/json\r\n";
  message += fmt::format("Content-Length: {}\r\n", body.size());
  if (auto appended = append_headers(message, headers); !appended)
    return tl::unexpected(appended.error());
  message += "\r\n";
  message += body;
  return message;
}

Result<std::string> format_get(const WebhookUrl& url, std::string_view target,
                               std::span<const HttpHeader> headers) {
  std::string message =
      fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: tocsin/{}\r\nConnection: close\r\n",
                  target, url.authority(), TOCSIN_VERSION);
  if (auto appended = append_headers(message, headers); !appended)
    return tl::unexpected(appended.error());
  message += "\r\n";
  return message;
}

Result<std::string> format_head(const WebhookUrl& url, std::string_view method,
                                std::string_view target, std::span<const HttpHeader> headers,
                                std::size_t body_bytes) {
  std::string message = fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: tocsin/{}\r\n",
                                    method, target, url.authority(), TOCSIN_VERSION);
  if (body_bytes > 0 || method != "GET")
    message += fmt::format("Content-Length: {}\r\n", body_bytes);
  if (auto appended = append_headers(message, headers); !appended)
    return tl::unexpected(appended.error());
  message += "\r\n";
  return message;
}

std::optional<std::size_t> find_head_end(std::string_view bytes, std::size_t from) {
  for (std::size_t at = bytes.find('\n', from); at != bytes.npos; at = bytes.find('\n', at + 1)) {
    const std::string_view after = bytes.substr(at + 1, 2);
    if (after.starts_with('\n')) return at + 2;
    if (after == "\r\n") return at + 3;
  }
  return std::nullopt;
}

Result<ResponseHead> parse_response_head(std::string_view head) {
  const std::string_view status_line = take_line(head);
  const bool is_1_1 = status_line.starts_with("HTTP/1.1 ");
  if (!is_1_1 && !status_line.starts_with("HTTP/1.0 "))
    return fail(Errc::kCorrupt, "the answer is not HTTP/1");
  const std::string_view after_version = status_line.substr(9);
  const std::optional<int> status = parse_number<int>(after_version.substr(0, 3));
  const bool is_delimited = after_version.size() <= 3 || after_version[3] == ' ';
  if (!status || *status < 100 || *status > 599 || !is_delimited)
    return fail(Errc::kCorrupt, "the answer has no status");

  ResponseHead answer;
  answer.status = *status;
  answer.keep_alive = is_1_1;
  bool has_unknown_length = false;
  while (!head.empty()) {
    const std::string_view line = take_line(head);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = trimmed(line.substr(colon + 1));
    if (equal_without_case(name, "Content-Length")) {
      const auto length = parse_number<std::uint64_t>(value);
      if (!length || (answer.body_bytes && *answer.body_bytes != *length))
        return fail(Errc::kCorrupt, "the answer's Content-Length is not a length");
      answer.body_bytes = length;
    } else if (equal_without_case(name, "Transfer-Encoding")) {
      has_unknown_length = true;
      answer.is_chunked = has_list_word(value, "chunked");
    } else if (equal_without_case(name, "Connection")) {
      if (has_list_word(value, "close")) answer.keep_alive = false;
    } else if (equal_without_case(name, "Retry-After")) {
      answer.retry_after = value;
    } else if (equal_without_case(name, "ETag")) {
      answer.etag = value;
    }
  }
  if (answer.status == 204 || answer.status == 304 || answer.status < 200) {
    answer.body_bytes = 0;
  } else if (has_unknown_length) {
    answer.body_bytes.reset();
  }
  return answer;
}

std::optional<std::chrono::seconds> parse_retry_after(std::string_view value, std::int64_t now_s) {
  value = trimmed(value);
  std::optional<std::int64_t> wait_s;
  if (!value.empty() && std::ranges::all_of(value, is_digit)) {
    wait_s = parse_number<std::int64_t>(value).value_or(kRetryAfterMax);
  } else if (const std::optional<std::int64_t> until_s = parse_fixdate(value)) {
    wait_s = *until_s - now_s;
  }
  if (!wait_s) return std::nullopt;
  return std::chrono::seconds(std::clamp<std::int64_t>(*wait_s, 0, kRetryAfterMax));
}
}  // namespace tocsin::api
