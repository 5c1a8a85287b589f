#include "api/outbound/address_policy.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>

#include <string>

#include "api/outbound/webhook_client.h"

namespace tocsin::api {
namespace {
Result<void> check(const AddressPolicy& policy, const std::string& text) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  if (inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1)
    return policy.check(reinterpret_cast<const sockaddr&>(v4));
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  REQUIRE(inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr) == 1);
  return policy.check(reinterpret_cast<const sockaddr&>(v6));
}

TEST_CASE("addresses: webhooks go to the public Internet and nowhere else") {
  const AddressPolicy policy = *AddressPolicy::make({});
  for (const char* const address : {"127.0.0.1",
                                    "127.8.8.8",
                                    "0.0.0.0",
                                    "10.0.0.1",
                                    "172.16.0.1",
                                    "172.31.255.255",
                                    "192.168.1.1",
                                    "169.254.169.254",
                                    "100.64.0.1",
                                    "192.0.0.8",
                                    "198.18.0.1",
                                    "203.0.113.5",
                                    "224.0.0.1",
                                    "255.255.255.255",
                                    "::",
                                    "::1",
                                    "::ffff:127.0.0.1",
                                    "::ffff:10.0.0.1",
                                    "::127.0.0.1",
                                    "fe80::1",
                                    "fc00::1",
                                    "fd12::1",
                                    "ff02::1",
                                    "fec0::1",
                                    "64:ff9b::7f00:1",
                                    "64:ff9b:1::1",
                                    "2002:7f00:1::1",
                                    "2001:db8::1",
                                    "2001::1",
                                    "100::1",
                                    "3fff::1"}) {
    CAPTURE(address);
    const Result<void> refused = check(policy, address);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::kDenied);
    CHECK(refused.error().message.find("webhooks.allow") != std::string::npos);
  }
  for (const char* const address :
       {"8.8.8.8", "172.15.0.1", "172.32.0.1", "100.63.0.1", "100.128.0.1", "192.167.1.1",
        "223.255.255.255", "2a00::1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"}) {
    CAPTURE(address);
    CHECK(check(policy, address));
  }
}

TEST_CASE("addresses: what is listed is allowed, and no more") {
  const AddressPolicy policy =
      *AddressPolicy::make({"10.1.0.0/16", "127.0.0.1", "fd00::/8", "::1"});
  for (const char* const address : {"10.1.2.3", "127.0.0.1", "::ffff:10.1.9.9", "fd77::2", "::1"})
    CHECK(check(policy, address));
  for (const char* const address : {"10.2.0.1", "127.0.0.2", "fc00::1", "::2"})
    CHECK_FALSE(check(policy, address));
  for (const char* const bad : {"", "localhost", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/x", "::/129",
                                "10.0.0", "10.0.0.0/8/9", "10.0.0.0/-1"}) {
    CAPTURE(bad);
    CHECK_FALSE(AddressPolicy::make({bad}));
  }
}

TEST_CASE("addresses: a client asks the policy for the address that it connects to") {
  const auto policy = std::make_shared<const AddressPolicy>(*AddressPolicy::make({}));
  // A name, whatever it leads to.
  auto client =
      make_webhook_client(*parse_webhook_url("http://localhost:9/"), {}, {.addresses = policy});
  REQUIRE(client);
  const HttpReply reply = (*client)->post({}, "{}");
  CHECK(reply.status == 0);
  CHECK(reply.error.find("is not of the public Internet") != std::string::npos);
}
}  // namespace
}  // namespace tocsin::api
