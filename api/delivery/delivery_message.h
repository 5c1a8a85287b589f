/// What goes to an endpoint in place of many alerts: a summary of those that the rate cap held
/// back, or a group. Kept in the alert store's family `messages`:
///
///   'm' u8[16] endpoint | u64 number               JSON: the message
///   'p' u8[16] endpoint | u64 number | u64 alert   nothing: an alert that goes with it
///
/// A message is open while alerts are added to it, by commits; once it is released it never changes
/// and stands in the outbox under its number (runtime::kMessageBit), until it has arrived.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/result.h"
#include "cep/value/time.h"
#include "runtime/effects/effect_reader.h"
#include "runtime/store/store.h"

namespace tocsin::api {
class Privacy;
struct Subscription;

struct DeliveryMessage {
  enum class Kind : std::uint8_t { kSummary, kGroup };
  Kind kind = Kind::kSummary;
  runtime::EndpointId endpoint = {};
  std::uint64_t number = 0;
  /// kSummary: the rule; empty: of all rules. kGroup: a JSON object of what its alerts share.
  std::string subject = {};
  cep::EventTime from = {};  // processing time: the window's begin; when the group began
  cep::EventTime due = {};   // and its end; when it is sent
  bool is_released = false;
  std::uint64_t count = 0;                          // alerts
  std::map<std::string, std::uint64_t> rules = {};  // the first so many that raised them
  std::uint64_t count_of_others = 0;                // alerts of rules beyond these
  cep::EventTime first_ts = {}, last_ts = {};       // least and greatest time of the alerts

  /// Counts an alert.
  void add(const runtime::StoredAlert& alert);
};
/// "alert.summary", "alert.group".
std::string_view type_of(DeliveryMessage::Kind kind);
/// 32 hex digits, the same for every attempt and after every crash.
std::string message_id(runtime::EndpointId endpoint, std::uint64_t number);

std::string message_key(runtime::EndpointId endpoint, std::uint64_t number);
/// All keys of one endpoint's messages, or of the alerts that go with one of them.
runtime::StoreRange messages_of(runtime::EndpointId endpoint);
runtime::StoreRange all_messages();
runtime::StoreRange parts_range(runtime::EndpointId endpoint, std::uint64_t number);
std::string part_key(runtime::EndpointId endpoint, std::uint64_t number, std::uint64_t alert);
std::string encode_message(const DeliveryMessage& message);
/// Errors: kCorrupt.
Result<DeliveryMessage> decode_message(std::string_view key, std::string_view value);

/// Nothing where it is not there. Errors of all below: kCorrupt, kIo.
Result<std::optional<DeliveryMessage>> read_message(const runtime::StoreReader& store,
                                                    runtime::EndpointId endpoint,
                                                    std::uint64_t number);
/// The alerts that go with it, in order.
Result<std::vector<std::uint64_t>> read_parts(const runtime::StoreReader& store,
                                              runtime::EndpointId endpoint, std::uint64_t number);

struct MessageLimits {
  std::size_t alerts_max = 100;                  // in one group's message
  std::size_t bytes_max = std::size_t{1} << 20;  // of them, save that the first is always there
};
/// What is sent, a JSON object. The same for the same message; with `privacy`, which may be null,
/// personal data is masked in it.
Result<std::string> message_payload(const runtime::StoreReader& store,
                                    const runtime::EffectReader& alerts,
                                    const DeliveryMessage& message, const std::string& subscription,
                                    const MessageLimits& limits, const Privacy* privacy = nullptr);
}  // namespace tocsin::api
