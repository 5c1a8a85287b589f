#include "api/delivery/delivery_log.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <vector>

#include "cep/base/byte_codec.h"
#include "runtime/effects/effect_codec.h"

namespace tocsin::api {
namespace {
using runtime::EndpointId;
using runtime::kDeliveryFamily;

std::string list_prefix(EndpointId endpoint) {
  return "l" +
         std::string(reinterpret_cast<const char*>(endpoint.bytes.data()), endpoint.bytes.size());
}
std::string list_key(EndpointId endpoint, std::uint64_t sequence) {
  std::string key = list_prefix(endpoint);
  runtime::append_key_u64(key, sequence);
  return key;
}
std::string alert_prefix(std::uint64_t number) {
  std::string key = "n";
  runtime::append_key_u64(key, number);
  return key;
}
std::string alert_key(std::uint64_t number, EndpointId endpoint, std::uint64_t sequence) {
  return alert_prefix(number) + list_key(endpoint, sequence).substr(1);
}

std::string encode(const LoggedAttempt& attempt) {
  std::string value;
  ByteWriter to(value);
  to.varint(attempt.number);
  to.text(attempt.alert_id);
  to.text(attempt.webhook_id);
  to.varint(attempt.attempt);
  to.i64(attempt.at.us);
  to.varint(static_cast<std::uint64_t>(attempt.status));
  to.i64(attempt.latency.us);
  to.text(attempt.error);
  to.text(attempt.answer);
  return value;
}
Result<LoggedAttempt> decode(std::uint64_t sequence, std::string_view value) {
  ByteReader from(value);
  LoggedAttempt attempt;
  attempt.sequence = sequence;
  attempt.number = from.varint();
  attempt.alert_id = from.text();
  attempt.webhook_id = from.text();
  attempt.attempt = static_cast<std::uint32_t>(from.varint_up_to(UINT32_MAX));
  attempt.at.us = from.i64();
  attempt.status = static_cast<int>(from.varint_up_to(999));
  attempt.latency.us = from.i64();
  attempt.error = from.text();
  attempt.answer = from.text();
  if (!from.is_done())
    return fail(Errc::kCorrupt, "the alert store logs an attempt that this program did not write");
  return attempt;
}
}  // namespace

Result<std::uint64_t> DeliveryLog::last_sequence(EndpointId endpoint) const {
  runtime::StoreRange range = runtime::StoreRange::of_prefix(list_prefix(endpoint));
  range.is_descending = true;
  std::uint64_t last = 0;
  const Result<void> read =
      store_.scan(kDeliveryFamily, range, [&](std::string_view key, std::string_view) {
        last = runtime::read_key_u64(key.substr(key.size() - 8));
        return false;
      });
  if (!read) return tl::unexpected(read.error());
  return last;
}

Result<void> DeliveryLog::add(EndpointId endpoint, LoggedAttempt attempt) {
  const std::lock_guard lock(mutex_);
  auto place = last_.find(endpoint);
  if (place == last_.end()) {
    const Result<std::uint64_t> last = last_sequence(endpoint);
    if (!last) return tl::unexpected(last.error());
    place = last_.emplace(endpoint, *last).first;
  }
  attempt.sequence = place->second + 1;
  runtime::StoreBatch batch;
  batch.put(kDeliveryFamily, list_key(endpoint, attempt.sequence), encode(attempt));
  if (attempt.number != 0)
    batch.put(kDeliveryFamily, alert_key(attempt.number, endpoint, attempt.sequence), {});
  if (attempt.sequence > attempts_max_) {
    const std::uint64_t gone = attempt.sequence - attempts_max_;
    const Result<std::optional<std::string>> value =
        store_.get(kDeliveryFamily, list_key(endpoint, gone));
    if (!value) return tl::unexpected(value.error());
    if (*value) {
      const Result<LoggedAttempt> old = decode(gone, **value);
      if (!old) return tl::unexpected(old.error());
      batch.remove(kDeliveryFamily, list_key(endpoint, gone));
      if (old->number != 0) batch.remove(kDeliveryFamily, alert_key(old->number, endpoint, gone));
    }
  }
  if (Result<void> written = store_.write(batch, false); !written) return written;
  place->second = attempt.sequence;
  return {};
}

Result<void> DeliveryLog::attempts(EndpointId endpoint, std::uint64_t before,
                                   const Visitor& visit) const {
  runtime::StoreRange range = runtime::StoreRange::of_prefix(list_prefix(endpoint));
  range.end = list_key(endpoint, before);
  range.is_descending = true;
  Result<void> damage;
  const Result<void> read =
      store_.scan(kDeliveryFamily, range, [&](std::string_view key, std::string_view value) {
        const auto attempt = decode(runtime::read_key_u64(key.substr(key.size() - 8)), value);
        if (!attempt) {
          damage = tl::unexpected(attempt.error());
          return false;
        }
        return visit(*attempt);
      });
  return read ? damage : read;
}

Result<void> DeliveryLog::attempts_at(
    std::uint64_t number,
    const std::function<bool(EndpointId, const LoggedAttempt&)>& visit) const {
  const std::string prefix = alert_prefix(number);
  std::vector<std::pair<EndpointId, std::uint64_t>> found;
  Result<void> read =
      store_.scan(kDeliveryFamily, runtime::StoreRange::of_prefix(prefix),
                  [&](std::string_view key, std::string_view) {
                    EndpointId endpoint;
                    std::copy_n(key.data() + prefix.size(), endpoint.bytes.size(),
                                reinterpret_cast<char*>(endpoint.bytes.data()));
                    found.emplace_back(endpoint, runtime::read_key_u64(key.substr(key.size() - 8)));
                    return true;
                  });
  if (!read) return read;
  for (const auto& [endpoint, sequence] : found) {
    const Result<std::optional<std::string>> value =
        store_.get(kDeliveryFamily, list_key(endpoint, sequence));
    if (!value) return tl::unexpected(value.error());
    if (!*value) continue;  // trimmed meanwhile
    const Result<LoggedAttempt> attempt = decode(sequence, **value);
    if (!attempt) return tl::unexpected(attempt.error());
    if (!visit(endpoint, *attempt)) return {};
  }
  return {};
}

Result<void> DeliveryLog::forget(EndpointId endpoint) {
  const std::lock_guard lock(mutex_);
  runtime::StoreBatch batch;
  Result<void> damage;
  Result<void> read = store_.scan(
      kDeliveryFamily, runtime::StoreRange::of_prefix(list_prefix(endpoint)),
      [&](std::string_view key, std::string_view value) {
        const std::uint64_t sequence = runtime::read_key_u64(key.substr(key.size() - 8));
        const auto attempt = decode(sequence, value);
        if (!attempt) {
          damage = tl::unexpected(attempt.error());
          return false;
        }
        batch.remove(kDeliveryFamily, key);
        if (attempt->number != 0)
          batch.remove(kDeliveryFamily, alert_key(attempt->number, endpoint, sequence));
        return true;
      });
  if (!read) return read;
  if (!damage) return damage;
  last_.erase(endpoint);
  return batch.empty() ? Result<void>{} : store_.write(batch, false);
}
}  // namespace tocsin::api
