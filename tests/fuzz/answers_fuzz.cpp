// Any bytes as what a server answers to our clients, over a real connection of this machine: an
// answer is taken whole and within its limits, or why there is none is said.
//
//   u8: which client | the bytes, after which the peer closes
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "api/net/http_message.h"
#include "api/net/webhook_url.h"
#include "api/outbound/http_get.h"
#include "api/outbound/webhook_client.h"
#include "tests/fuzz/fuzz_target.h"

namespace tocsin::fuzz {
namespace {
using namespace api;

constexpr std::size_t kBodyMax = 4096;

// Answers each connection with the same bytes.
class Peer {
 public:
  Peer() : listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    require(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
                ::listen(listener_, 16) == 0,
            "an address is had");
    socklen_t size = sizeof address;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    url.host = "127.0.0.1";
    url.port = ntohs(address.sin_port);
    url.target = "/";
    std::thread([this] { serve(); }).detach();
  }
  void set_answer(std::string_view answer) {
    const std::lock_guard lock(mutex_);
    answer_ = answer;
  }
  WebhookUrl url;

 private:
  [[noreturn]] void serve() {
    for (;;) {
      const int connection = ::accept(listener_, nullptr, nullptr);
      if (connection < 0) continue;
      std::string answer;
      {
        const std::lock_guard lock(mutex_);
        answer = answer_;
      }
      std::string_view rest = answer;
      while (!rest.empty()) {
        const ssize_t sent = ::send(connection, rest.data(), rest.size(), MSG_NOSIGNAL);
        if (sent <= 0) break;
        rest.remove_prefix(static_cast<std::size_t>(sent));
      }
      ::shutdown(connection, SHUT_WR);
      std::array<char, 4096> block{};
      while (::recv(connection, block.data(), block.size(), 0) > 0) {
      }
      ::close(connection);
    }
  }
  const int listener_;
  std::mutex mutex_;
  std::string answer_;
};

bool has_word(std::string_view text, std::string_view word) {
  const auto found = std::search(text.begin(), text.end(), word.begin(), word.end(),
                                 [](unsigned char a, char b) { return std::tolower(a) == b; });
  return found != text.end();
}

void check_reply(const HttpReply& reply, std::string_view bytes, std::size_t body_max) {
  require(reply.status >= 100 && reply.status <= 599, "a status is one of HTTP");
  require(has_word(bytes, std::to_string(reply.status)), "it was sent");
  require(reply.body.size() <= body_max, "no more of a body is kept than may be");
  if (!has_word(bytes, "chunked"))
    require(bytes.find(reply.body) != bytes.npos, "a body is what was sent");
}
}  // namespace

void try_answer(bool is_webhook, std::string_view bytes) {
  static Peer* const kPeer = new Peer;  // its thread goes on to the end
  kPeer->set_answer(bytes);
  if (is_webhook) {
    const auto client =
        make_webhook_client(kPeer->url, {std::chrono::seconds(5), std::chrono::seconds(10)},
                            {.answer_bytes_max = kBodyMax});
    require(client.has_value(), "a client is made");
    const HttpReply reply = (*client)->post({}, "{}");
    require(reply.error.empty() == (reply.status != 0), "without an answer it says why");
    if (reply.status != 0) check_reply(reply, bytes, kBodyMax);
    return;
  }
  const auto client = HttpGet::make(kPeer->url, {std::chrono::seconds(10), kBodyMax});
  require(client.has_value(), "a client is made");
  const auto reply = (*client)->get("/x", {});
  if (!reply) return require(!reply.error().message.empty(), "without an answer it says why");
  check_reply(*reply, bytes, kBodyMax);
  const auto end = find_head_end(bytes);
  require(end.has_value(), "an answer has a head");
  const auto head = parse_response_head(bytes.substr(0, *end));
  require(head.has_value() && head->status == reply->status, "its head was read");
  if (head->body_bytes && !head->is_chunked)
    require(reply->body.size() == *head->body_bytes, "a body is as long as was said");
}
}  // namespace tocsin::fuzz

// NOLINTNEXTLINE(readability-identifier-naming): the name that libFuzzer calls.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 0)
    tocsin::fuzz::try_answer(data[0] % 2 == 1, tocsin::fuzz::text_of(data + 1, size - 1));
  return 0;
}
