#include "api/alerts/notices.h"

#include <nlohmann/json.hpp>

#include "runtime/effects/effect_codec.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
constexpr cep::Duration kHour{3'600'000'000};

std::string key_of(std::uint64_t sequence) {
  std::string key;
  runtime::append_key_u64(key, sequence);
  return key;
}
}  // namespace

Result<void> Notices::list(const std::function<bool(const Notice&)>& visit) const {
  Result<void> damage;
  const Result<void> read = store_.scan(
      runtime::kNoticeFamily, {.is_descending = true},
      [&](std::string_view key, std::string_view value) {
        const ordered_json stored = ordered_json::parse(value, nullptr, false);
        if (!stored.is_object() || key.size() != 8) {
          damage = fail(Errc::kCorrupt,
                        "the alert store holds a notice that this program did not write");
          return false;
        }
        Notice notice;
        notice.sequence = runtime::read_key_u64(key);
        notice.kind = stored.value("kind", "");
        notice.subject = stored.value("subject", "");
        notice.text = stored.value("text", "");
        notice.first_at.us = stored.value("first_at", std::int64_t{0});
        notice.last_at.us = stored.value("last_at", std::int64_t{0});
        notice.count = stored.value("count", std::uint64_t{0});
        return visit(notice);
      });
  return read ? damage : read;
}

Result<void> Notices::add(std::string_view kind, std::string_view subject, std::string_view text,
                          cep::EventTime now) {
  const std::lock_guard lock(mutex_);
  std::uint64_t last = 0;
  std::optional<Notice> same;
  Result<void> read = list([&](const Notice& notice) {
    last = std::max(last, notice.sequence);
    if (notice.first_at < now - kHour) return false;
    if (notice.kind == kind && notice.subject == subject) same = notice;
    return !same;
  });
  if (!read) return read;
  const bool is_new = !same;
  Notice notice = same.value_or(Notice{.sequence = last + 1,
                                       .kind = std::string(kind),
                                       .subject = std::string(subject),
                                       .first_at = now});
  notice.last_at = now;
  notice.text = text;
  ++notice.count;
  const ordered_json value = {{"kind", notice.kind},          {"subject", notice.subject},
                              {"text", notice.text},          {"first_at", notice.first_at.us},
                              {"last_at", notice.last_at.us}, {"count", notice.count}};
  runtime::StoreBatch batch;
  batch.put(runtime::kNoticeFamily, key_of(notice.sequence),
            value.dump(-1, ' ', false, ordered_json::error_handler_t::replace));
  if (notice.sequence > notices_max_)
    batch.remove(runtime::kNoticeFamily, key_of(notice.sequence - notices_max_));
  return store_.write(batch, is_new);
}
}  // namespace tocsin::api
