#include "api/rest/answer_store.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "api/base/stored_format.h"
#include "cep/base/byte_codec.h"
#include "runtime/effects/effect_codec.h"
#include "runtime/io/crash_point.h"

namespace tocsin::api {
namespace {
using runtime::kAnswerFamily;
constexpr std::uint8_t kFormat = 1;
constexpr std::uint64_t kHeadersMax = 1000;

std::string_view bytes_of(const cep::Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}
std::string entry_key(const cep::Digest& key) { return "k" + std::string(bytes_of(key)); }
std::string time_key(cep::EventTime at, std::string_view key) {
  std::string text = "t";
  runtime::append_key_u64(text, static_cast<std::uint64_t>(std::max<std::int64_t>(at.us, 0)));
  text += key;
  return text;
}
std::string bytes_value(std::uint64_t bytes) {
  std::string value;
  ByteWriter(value).u64(bytes);
  return value;
}

struct Entry {
  cep::EventTime at;
  std::string request;
  std::optional<HttpResponse> answer;
};
std::string encode(const Entry& entry) {
  std::string value;
  ByteWriter to(value);
  to.u8(kFormat);
  to.i64(entry.at.us);
  to.raw(entry.request);
  to.u8(entry.answer ? 1 : 0);
  if (!entry.answer) return value;
  to.varint(static_cast<std::uint64_t>(entry.answer->status));
  to.text(entry.answer->content_type);
  to.varint(entry.answer->headers.size());
  for (const HttpHeader& header : entry.answer->headers) {
    to.text(header.name);
    to.text(header.value);
  }
  to.text(entry.answer->body);
  return value;
}
Result<Entry> decode(std::string_view value) {
  ByteReader from(value);
  Entry entry;
  if (auto known = check_stored_format(from.u8(), kFormat, "an answer"); !known) {
    return tl::unexpected(known.error());
  }
  entry.at.us = from.i64();
  entry.request = from.raw(sizeof(cep::Digest));
  if (from.u8() == 1) {
    HttpResponse& answer = entry.answer.emplace();
    answer.status = static_cast<int>(from.varint_up_to(999));
    answer.content_type = from.text();
    for (std::uint64_t left = from.varint_up_to(kHeadersMax); left > 0 && from.ok(); --left) {
      const std::string_view name = from.text();
      answer.headers.push_back({std::string(name), std::string(from.text())});
    }
    answer.body = from.text();
  }
  if (from.is_done()) return entry;
  return fail(Errc::kCorrupt, "the alert store keeps an answer that this program did not write");
}
}  // namespace

Result<std::unique_ptr<AnswerStore>> AnswerStore::open(runtime::Store& store, runtime::Clock& clock,
                                                       AnswerLimits limits) {
  std::unique_ptr<AnswerStore> answers(new AnswerStore(store, clock, limits));
  AnswerFigures& figures = answers->figures_;
  const Result<void> read = store.scan(kAnswerFamily, runtime::StoreRange::of_prefix("t"),
                                       [&](std::string_view, std::string_view value) {
                                         ++figures.answers;
                                         figures.bytes += ByteReader(value).u64();
                                         return true;
                                       });
  if (!read) return tl::unexpected(read.error());
  return answers;
}

// Requires mutex_. Adds the removal of what is too old, then of the oldest beyond the limits.
Result<void> AnswerStore::make_room(cep::EventTime now, runtime::StoreBatch& batch) {
  return store_.scan(
      kAnswerFamily, runtime::StoreRange::of_prefix("t"),
      [&](std::string_view key, std::string_view value) {
        const cep::EventTime at{static_cast<std::int64_t>(runtime::read_key_u64(key.substr(1, 8)))};
        const std::string_view whose = key.substr(9);
        const bool is_old = at + limits_.age_max <= now;
        if (!is_old && figures_.answers < limits_.answers_max &&
            figures_.bytes < limits_.bytes_max) {
          return false;
        }
        cep::Digest digest{};
        std::copy_n(whose.begin(), std::min(whose.size(), digest.size()), digest.begin());
        if (in_work_.contains(digest)) return true;
        batch.remove(kAnswerFamily, key);
        batch.remove(kAnswerFamily, "k" + std::string(whose));
        --figures_.answers;
        figures_.bytes -= std::min(figures_.bytes, ByteReader(value).u64());
        figures_.evicted += is_old ? 0 : 1;
        return true;
      });
}

Result<AnswerStore::Begun> AnswerStore::begin(const KeyedRequest& request) {
  const std::lock_guard lock(mutex_);
  const cep::EventTime now = clock_.now();
  const Result<std::optional<std::string>> value =
      store_.get(kAnswerFamily, entry_key(request.key));
  if (!value) return tl::unexpected(value.error());
  runtime::StoreBatch batch;
  if (*value) {
    Result<Entry> entry = decode(**value);
    if (!entry) return tl::unexpected(entry.error());
    const bool is_in_work = in_work_.contains(request.key);
    if (is_in_work || entry->at + limits_.age_max > now) {
      if (entry->request != bytes_of(request.request)) return Begun{Found::kOther};
      if (is_in_work) return Begun{Found::kInWork};
      if (!entry->answer) return Begun{Found::kUnknown};
      ++figures_.repeated;
      return Begun{Found::kAnswered, *std::move(entry->answer)};
    }
  }
  if (auto made = make_room(now, batch); !made) return tl::unexpected(made.error());
  const std::string entry = encode({now, std::string(bytes_of(request.request)), std::nullopt});
  batch.put(kAnswerFamily, entry_key(request.key), entry);
  batch.put(kAnswerFamily, time_key(now, bytes_of(request.key)), bytes_value(entry.size()));
  if (auto written = store_.write(batch, true); !written) return tl::unexpected(written.error());
  ++figures_.answers;
  figures_.bytes += entry.size();
  in_work_.insert(request.key);
  runtime::crash_point("answers.begun");
  return Begun{Found::kNew};
}

Result<void> AnswerStore::keep(const KeyedRequest& request, const HttpResponse& answer) {
  runtime::crash_point("answers.before_keep");
  const std::lock_guard lock(mutex_);
  in_work_.erase(request.key);
  const Result<std::optional<std::string>> value =
      store_.get(kAnswerFamily, entry_key(request.key));
  if (!value) return tl::unexpected(value.error());
  if (!*value) return fail(Errc::kCorrupt, "a request that was begun is not there any more");
  Result<Entry> entry = decode(**value);
  if (!entry) return tl::unexpected(entry.error());
  entry->answer = answer;
  const std::string text = encode(*entry);
  runtime::StoreBatch batch;
  batch.put(kAnswerFamily, entry_key(request.key), text);
  batch.put(kAnswerFamily, time_key(entry->at, bytes_of(request.key)), bytes_value(text.size()));
  if (auto written = store_.write(batch, true); !written) return written;
  figures_.bytes += text.size() - (*value)->size();
  runtime::crash_point("answers.kept");
  return {};
}

Result<void> AnswerStore::release(const KeyedRequest& request) {
  const std::lock_guard lock(mutex_);
  in_work_.erase(request.key);
  const Result<std::optional<std::string>> value =
      store_.get(kAnswerFamily, entry_key(request.key));
  if (!value) return tl::unexpected(value.error());
  if (!*value) return {};
  const Result<Entry> entry = decode(**value);
  if (!entry) return tl::unexpected(entry.error());
  runtime::StoreBatch batch;
  batch.remove(kAnswerFamily, entry_key(request.key));
  batch.remove(kAnswerFamily, time_key(entry->at, bytes_of(request.key)));
  if (auto written = store_.write(batch, false); !written) return written;
  --figures_.answers;
  figures_.bytes -= std::min<std::uint64_t>(figures_.bytes, (*value)->size());
  return {};
}

void AnswerStore::abandon(const KeyedRequest& request) {
  const std::lock_guard lock(mutex_);
  in_work_.erase(request.key);
}

AnswerFigures AnswerStore::figures() const {
  const std::lock_guard lock(mutex_);
  return figures_;
}
}  // namespace tocsin::api
