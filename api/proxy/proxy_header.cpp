#include "api/proxy/proxy_header.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>

namespace tocsin::api {
namespace {
using State = ProxyHeaderReader::State;
constexpr std::string_view kLineStart = "PROXY ";
constexpr std::size_t kLineBytesMax = 107;  // as the protocol says, with its end
constexpr std::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t kFixedBytes = 16;                        // of version 2, before its addresses
constexpr std::size_t kBinaryBytesMax = std::size_t{4} << 10;  // in all; ours
constexpr std::size_t kBytes4 = 12;                            // two addresses and two ports
constexpr std::size_t kBytes6 = 36;
constexpr std::size_t kBytesUnix = 216;

unsigned byte_at(const std::string& bytes, std::size_t at) {
  return static_cast<unsigned char>(bytes[at]);
}
bool is_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), port);
  return parsed.ec == std::errc{} && parsed.ptr == text.data() + text.size() &&
         (text.size() == 1 || text.front() != '0');
}
}  // namespace

ProxyHeaderReader::State ProxyHeaderReader::want(std::size_t most) {
  wanted_ = most;
  return State::kMore;
}

ProxyHeaderReader::State ProxyHeaderReader::take(std::string_view bytes) {
  in_ += bytes;
  wanted_ -= bytes.size();
  if (wanted_ > 0) return State::kMore;
  if (in_.starts_with(kLineStart)) return read_line();
  return in_.starts_with(kSignature) ? read_binary() : State::kBad;
}

// A line ends in CR LF, which come together at the earliest two bytes on.
ProxyHeaderReader::State ProxyHeaderReader::read_line() {
  if (in_.find('\n') != in_.size() - 1) {
    const bool may_end = in_.ends_with('\r');
    if (in_.find('\n') != std::string::npos) return State::kBad;
    const std::size_t next = may_end ? 1 : 2;
    return in_.size() + next > kLineBytesMax ? State::kBad : want(next);
  }
  if (!in_.ends_with("\r\n")) return State::kBad;
  std::string_view rest = std::string_view(in_).substr(0, in_.size() - 2);
  rest.remove_prefix(kLineStart.size());
  if (rest == "UNKNOWN" || rest.starts_with("UNKNOWN ")) return State::kDone;
  std::array<std::string_view, 5> words;  // family, whose, whither, and their ports
  for (std::size_t i = 0; i < words.size(); ++i) {
    const bool is_last = i + 1 == words.size();
    const std::size_t blank = rest.find(' ');
    if (is_last != (blank == std::string_view::npos)) return State::kBad;
    words[i] = rest.substr(0, blank);
    rest.remove_prefix(is_last ? rest.size() : blank + 1);
  }
  if (words[0] != "TCP4" && words[0] != "TCP6") return State::kBad;
  const bool is_v6 = words[0] == "TCP6";
  for (const std::string_view address : {words[1], words[2]}) {
    const bool has_colon = address.find(':') != std::string_view::npos;
    if (has_colon != is_v6 || !IpAddress::parse(address)) return State::kBad;
  }
  if (!is_port(words[3]) || !is_port(words[4])) return State::kBad;
  client_ = IpAddress::parse(words[1]);
  return State::kDone;
}

ProxyHeaderReader::State ProxyHeaderReader::read_binary() {
  if (in_.size() < kFixedBytes) return want(kFixedBytes - in_.size());
  const std::size_t size = kFixedBytes + (byte_at(in_, 14) << 8U) + byte_at(in_, 15);
  if (size > kBinaryBytesMax) return State::kBad;
  if (in_.size() < size) return want(size - in_.size());
  const unsigned version = byte_at(in_, 12);
  constexpr unsigned kLocal = 0x20;  // version 2 and its command
  constexpr unsigned kProxy = 0x21;
  if (version == kLocal) return State::kDone;
  if (version != kProxy) return State::kBad;
  const std::size_t bytes = size - kFixedBytes;
  const auto* const addresses = reinterpret_cast<const std::uint8_t*>(in_.data()) + kFixedBytes;
  switch (byte_at(in_, 13)) {
    case 0x00:  // unspecified
      return State::kDone;
    case 0x11:  // TCP over IPv4
      if (bytes < kBytes4) return State::kBad;
      client_ = IpAddress::v4(addresses);
      return State::kDone;
    case 0x21: {  // TCP over IPv6
      if (bytes < kBytes6) return State::kBad;
      IpAddress::Bytes found{};
      std::copy_n(addresses, found.size(), found.begin());
      client_ = IpAddress(found);
      return State::kDone;
    }
    case 0x31:  // a socket of the proxy's machine
      return bytes < kBytesUnix ? State::kBad : State::kDone;
    default:
      return State::kBad;
  }
}
}  // namespace tocsin::api
