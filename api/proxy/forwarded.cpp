#include "api/proxy/forwarded.h"

#include <algorithm>
#include <cstddef>
#include <string>

namespace tocsin::api {
namespace {
using Is = ForwardedHop::Is;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool is_same(std::string_view text, std::string_view word) {
  return std::ranges::equal(text, word, {}, lower);
}
bool is_token_char(char c) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') ||
         kOthers.find(c) != std::string_view::npos;
}
bool is_blank(char c) { return c == ' ' || c == '\t'; }
std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}
// A port, or the name that a proxy gives instead of one.
bool is_port(std::string_view text) {
  if (text.starts_with('_')) return text.size() > 1 && std::ranges::all_of(text, is_token_char);
  return !text.empty() && text.size() <= 5 && std::ranges::all_of(text, is_digit);
}

// `192.0.2.1`, `192.0.2.1:80`, `[2001:db8::1]`, `[2001:db8::1]:80`, `unknown`, `_hidden`.
ForwardedHop hop_of(std::string_view node) {
  const ForwardedHop unreadable{Is::kUnreadable};
  std::string_view host = node;
  std::string_view rest;
  bool is_v6 = false;
  if (node.starts_with('[')) {
    const std::size_t end = node.find(']');
    if (end == std::string_view::npos) return unreadable;
    host = node.substr(1, end - 1);
    rest = node.substr(end + 1);
    is_v6 = true;
  } else if (const std::size_t colon = node.find(':'); colon != std::string_view::npos) {
    host = node.substr(0, colon);
    rest = node.substr(colon);
  }
  if (!rest.empty() && !(rest.front() == ':' && is_port(rest.substr(1)))) return unreadable;
  const bool is_hidden =
      host.size() > 1 && host.front() == '_' && std::ranges::all_of(host, is_token_char);
  if (!is_v6 && (is_hidden || is_same(host, "unknown"))) return {Is::kUnsaid};
  const bool has_colon = host.find(':') != std::string_view::npos;
  std::optional<IpAddress> address = IpAddress::parse(host);
  if (!address || has_colon != is_v6) return unreadable;
  return {Is::kAddress, address};
}

// Reads one line of `Forwarded`.
class ForwardedLine {
 public:
  explicit ForwardedLine(std::string_view text) : rest_(text) {}
  // Adds its elements, in the order sent; false for what is none.
  bool read(std::vector<ForwardedHop>& hops) {
    for (;;) {
      pass_blanks();
      // An empty element counts for nothing (RFC 9110, 5.6.1).
      if (!rest_.empty() && rest_.front() != ',' && !read_element(hops)) return false;
      pass_blanks();
      if (rest_.empty()) return true;
      if (rest_.front() != ',') return false;
      rest_.remove_prefix(1);
    }
  }

 private:
  void pass_blanks() {
    while (!rest_.empty() && is_blank(rest_.front())) rest_.remove_prefix(1);
  }
  bool read_element(std::vector<ForwardedHop>& hops) {
    std::optional<ForwardedHop> hop;
    std::optional<std::string> scheme;
    for (;;) {
      std::string value;
      const std::string_view name = read_token();
      if (name.empty() || !rest_.starts_with('=')) return false;
      rest_.remove_prefix(1);
      if (!read_value(value)) return false;
      if (is_same(name, "for")) {
        if (hop) return false;
        hop = hop_of(value);
        if (hop->is == Is::kUnreadable) return false;
      } else if (is_same(name, "proto")) {
        if (scheme) return false;
        scheme = value;
      }
      if (!rest_.starts_with(';')) break;
      rest_.remove_prefix(1);
    }
    hops.push_back(hop.value_or(ForwardedHop()));
    hops.back().is_https = scheme && is_same(*scheme, "https");
    return true;
  }
  std::string_view read_token() {
    const auto end = std::ranges::find_if_not(rest_, is_token_char);
    const std::string_view token = rest_.substr(0, static_cast<std::size_t>(end - rest_.begin()));
    rest_.remove_prefix(token.size());
    return token;
  }
  bool read_value(std::string& value) {
    if (!rest_.starts_with('"')) {
      value = read_token();
      return !value.empty();
    }
    rest_.remove_prefix(1);
    while (!rest_.empty() && rest_.front() != '"') {
      if (rest_.front() == '\\') rest_.remove_prefix(1);
      if (rest_.empty()) return false;
      value += rest_.front();
      rest_.remove_prefix(1);
    }
    if (rest_.empty()) return false;
    rest_.remove_prefix(1);
    return true;
  }

  std::string_view rest_;
};
}  // namespace

std::vector<ForwardedHop> read_forwarded(const std::vector<std::string_view>& lines) {
  std::vector<ForwardedHop> hops;
  for (const std::string_view line : lines) {
    if (!ForwardedLine(line).read(hops)) return {{Is::kUnreadable}};
  }
  std::ranges::reverse(hops);
  return hops;
}

std::vector<ForwardedHop> read_x_forwarded_for(const std::vector<std::string_view>& lines) {
  std::vector<ForwardedHop> hops;
  for (std::string_view line : lines) {
    for (;;) {
      const std::size_t comma = line.find(',');
      const std::string_view node = trimmed(line.substr(0, comma));
      if (const std::optional<IpAddress> bare = IpAddress::parse(node)) {
        hops.push_back({Is::kAddress, bare});
      } else if (!node.empty()) {
        hops.push_back(hop_of(node));
      }
      if (comma == std::string_view::npos) break;
      line.remove_prefix(comma + 1);
    }
  }
  std::ranges::reverse(hops);
  return hops;
}

std::vector<bool> read_x_forwarded_proto(const std::vector<std::string_view>& lines) {
  std::vector<bool> are_https;
  for (std::string_view line : lines) {
    for (;;) {
      const std::size_t comma = line.find(',');
      are_https.push_back(is_same(trimmed(line.substr(0, comma)), "https"));
      if (comma == std::string_view::npos) break;
      line.remove_prefix(comma + 1);
    }
  }
  return {are_https.rbegin(), are_https.rend()};
}
}  // namespace tocsin::api
