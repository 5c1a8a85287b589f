#include "api/backup/s3_store.h"

#include <fmt/format.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "api/backup/s3_answer.h"
#include "cep/value/identity.h"

namespace tocsin::api {
namespace {
constexpr std::string_view kFormat = "FORMAT";
constexpr std::string_view kLock = "LOCK";
constexpr std::size_t kMarkBytesMax = 4096;  // of both
constexpr std::size_t kPartsMax = 10'000;    // S3 takes no more of one object

std::string random_nonce() {
  std::array<std::uint8_t, 16> bytes{};
  RAND_bytes(bytes.data(), static_cast<int>(bytes.size()));
  return cep::hex(bytes);
}
}  // namespace

// Ends with what it holds.
class S3Store::S3Hold : public BackupStore::Hold {
 public:
  explicit S3Hold(S3Store& store) : store_(store) {}
  ~S3Hold() override { store_.release(); }

 private:
  S3Store& store_;
};

struct S3Store::Upload {
  std::string name;
  std::string id;  // empty: not begun
  std::vector<std::string> etags;
};

S3Store::S3Store(S3Place place, S3Limits limits, S3Ports ports, std::string holder)
    : client_(std::move(place), limits, std::move(ports)), holder_(std::move(holder)) {}

std::string S3Store::place_of(std::string_view name) const { return client_.place_of(name); }

Result<void> S3Store::check() {
  const Result<std::string> mark = read_object(*this, kFormat, kMarkBytesMax);
  if (mark) return check_backup_mark(*mark, place_of(""));
  if (mark.error().code != Errc::kNotFound) return tl::unexpected(mark.error());
  const auto some = list_below(client_.place().prefix, 2);
  if (!some) return tl::unexpected(some.error());
  const bool is_new =
      std::ranges::all_of(*some, [](const StoredObject& object) { return object.name == kLock; });
  if (is_new) return fail(Errc::kNotFound, fmt::format("there are no backups in {}", place_of("")));
  return fail(Errc::kUnsupported, fmt::format("{} is not a place of backups", place_of("")));
}

// --- the hold ------------------------------------------------------------------------------------

Result<std::optional<S3Store::Lock>> S3Store::read_lock() {
  const Result<std::string> text = read_object(*this, kLock, kMarkBytesMax);
  if (!text && text.error().code == Errc::kNotFound) return std::nullopt;
  if (!text) return tl::unexpected(text.error());
  const auto json = nlohmann::json::parse(*text, nullptr, false);
  const auto has = [&](const char* name) { return json.contains(name) && json[name].is_string(); };
  std::optional<cep::EventTime> until;
  if (json.is_object() && has("holder") && has("nonce") && has("until"))
    until = cep::parse_time(json["until"].get<std::string>());
  if (until) return Lock{json["holder"], json["nonce"], *until};
  return fail(Errc::kInUse,
              fmt::format("{} is damaged: remove it once nothing writes there", place_of(kLock)));
}

Result<bool> S3Store::write_lock(const Lock& lock, bool is_new) {
  const nlohmann::ordered_json json{
      {"holder", lock.holder}, {"nonce", lock.nonce}, {"until", cep::format_time(lock.until)}};
  const std::string text = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  S3Call call{.method = "PUT", .name = std::string(kLock), .body = text};
  if (is_new) {
    call.headers = {{"If-None-Match", "*"}};
    call.expected = {412, 501};
  }
  Result<S3Reply> reply = client_.ask(call);
  if (!reply) return tl::unexpected(reply.error());
  if (reply->status == 412) return false;
  if (reply->status != 501) return true;
  // A store without conditions: between two looks somebody else could come.
  call.headers.clear();
  call.expected.clear();
  reply = client_.ask(call);
  if (!reply) return tl::unexpected(reply.error());
  return true;
}

Result<void> S3Store::acquire() {
  Lock lock{holder_, random_nonce(), client_.now() + kS3HoldTime};
  std::string other;
  for (int attempt = 0; attempt < 2; ++attempt) {
    const auto there = read_lock();
    if (!there) return tl::unexpected(there.error());
    if (*there && (*there)->holder != holder_ && (*there)->until > client_.now()) {
      return fail(Errc::kInUse,
                  fmt::format("{} is held by {} until {}: one place serves one data directory; "
                              "remove {} if nothing writes there any more",
                              place_of(""), (*there)->holder, cep::format_time((*there)->until),
                              place_of(kLock)));
    }
    if (*there) {
      if (auto removed = client_.ask({"DELETE", std::string(kLock), {}, {}, {}, {404}}); !removed)
        return tl::unexpected(removed.error());
    }
    const auto written = write_lock(lock, true);
    if (!written) return tl::unexpected(written.error());
    // What was written may be there although its answer was lost.
    const auto now_there = read_lock();
    if (!now_there) return tl::unexpected(now_there.error());
    if (*now_there && (*now_there)->nonce == lock.nonce) {
      const std::lock_guard guard(mutex_);
      renew_at_ = client_.now() + cep::Duration{kS3HoldTime.us / 6};
      held_ = std::move(lock);
      return {};
    }
  }
  return fail(Errc::kInUse, fmt::format("{} was taken by another server just now: one place serves "
                                        "one data directory",
                                        place_of("")));
}

Result<void> S3Store::renew() {
  std::optional<Lock> lock;
  {
    const std::lock_guard guard(mutex_);
    if (!held_ || client_.now() < renew_at_) return {};
    lock = held_;
  }
  const auto there = read_lock();
  if (!there) return tl::unexpected(there.error());
  if (!*there || (*there)->nonce != lock->nonce) {
    return fail(Errc::kInUse, fmt::format("{} was taken over by another server while this one was "
                                          "slow: one place serves one data directory",
                                          place_of("")));
  }
  lock->until = client_.now() + kS3HoldTime;
  if (auto written = write_lock(*lock, false); !written) return tl::unexpected(written.error());
  const std::lock_guard guard(mutex_);
  renew_at_ = client_.now() + cep::Duration{kS3HoldTime.us / 6};
  held_ = std::move(lock);
  return {};
}

// What stays after a failure is taken over by the same holder, or ends by itself.
void S3Store::release() {
  std::optional<Lock> lock;
  {
    const std::lock_guard guard(mutex_);
    lock = std::exchange(held_, std::nullopt);
  }
  if (lock && client_.now() < lock->until)
    (void)client_.ask({"DELETE", std::string(kLock), {}, {}, {}, {404}});
}

Result<std::unique_ptr<BackupStore::Hold>> S3Store::hold() {
  if (auto acquired = acquire(); !acquired) return tl::unexpected(acquired.error());
  std::unique_ptr<Hold> hold = std::make_unique<S3Hold>(*this);
  const Result<void> checked = check();
  if (checked) return hold;
  if (checked.error().code == Errc::kUnsupported) {
    return fail(Errc::kUnsupported, checked.error().message + ": name a prefix without objects");
  }
  if (checked.error().code != Errc::kNotFound) return tl::unexpected(checked.error());
  if (auto put = put_text(*this, kFormat, kBackupMark); !put) return tl::unexpected(put.error());
  return hold;
}

// --- objects -------------------------------------------------------------------------------------

Result<std::vector<StoredObject>> S3Store::list_below(const std::string& prefix,
                                                      std::optional<std::size_t> most) {
  std::vector<StoredObject> found;
  std::string next;
  do {
    S3Call call{.method = "GET", .query = {{"list-type", "2"}, {"prefix", prefix}}};
    if (most) call.query.emplace_back("max-keys", std::to_string(*most));
    if (!next.empty()) call.query.emplace_back("continuation-token", next);
    const Result<S3Reply> reply = client_.ask(call);
    if (!reply) return tl::unexpected(reply.error());
    Result<S3Page> page = parse_s3_page(reply->body);
    if (page && !page->next.empty() && page->next == next)
      page = fail(Errc::kCorrupt, "the list of objects never ends");
    if (!page) {
      return fail(Errc::kIo, fmt::format("{} at {}: {}", place_of(""),
                                         client_.place().endpoint.text(), page.error().message));
    }
    for (StoredObject& object : page->objects) {
      if (!object.name.starts_with(prefix)) continue;
      object.name.erase(0, client_.place().prefix.size());
      found.push_back(std::move(object));
    }
    next = std::move(page->next);
  } while (!next.empty() && !(most && found.size() >= *most));
  std::ranges::sort(found, {}, &StoredObject::name);
  return found;
}

Result<std::vector<StoredObject>> S3Store::list(std::string_view folder) {
  return list_below(fmt::format("{}{}/", client_.place().prefix, folder), std::nullopt);
}

Result<void> S3Store::read(std::string_view name, const PieceSink& sink) {
  const std::uint64_t part_bytes = client_.limits().part_bytes;
  for (std::uint64_t offset = 0;; offset += part_bytes) {
    S3Call call{.method = "GET", .name = std::string(name)};
    call.headers = {{"Range", fmt::format("bytes={}-{}", offset, offset + part_bytes - 1)}};
    call.expected = {404, 416};
    const Result<S3Reply> reply = client_.ask(call);
    if (!reply) return tl::unexpected(reply.error());
    if (reply->status == 404)
      return fail(Errc::kNotFound, fmt::format("there is no {}", place_of(name)));
    if (reply->status == 416) return {};  // nothing is behind what was read
    const bool is_whole = reply->status == 200;
    if (is_whole && offset > 0) {
      return fail(Errc::kUnsupported,
                  fmt::format("{}: the store does not know ranges of an object", place_of(name)));
    }
    if (!reply->body.empty()) {
      if (auto taken = sink(reply->body); !taken) return taken;
    }
    if (is_whole || reply->body.size() < part_bytes) return {};
  }
}

Result<void> S3Store::put_part(Upload& upload, std::string_view part) {
  if (auto renewed = renew(); !renewed) return renewed;
  if (upload.id.empty()) {
    const auto begun = client_.ask({"POST", upload.name, {{"uploads", ""}}, {}, {}, {}});
    if (!begun) return tl::unexpected(begun.error());
    upload.id = s3_text(begun->body, "UploadId");
    if (upload.id.empty()) {
      return fail(Errc::kIo, fmt::format("{}: the store began an upload and gave no id of it",
                                         place_of(upload.name)));
    }
  }
  if (upload.etags.size() == kPartsMax) {
    return fail(Errc::kLimit,
                fmt::format("{} is larger than {} parts of {} bytes: let parts be "
                            "larger (backups.s3_part_bytes)",
                            place_of(upload.name), kPartsMax, client_.limits().part_bytes));
  }
  const std::string number = std::to_string(upload.etags.size() + 1);
  const auto reply = client_.ask(
      {"PUT", upload.name, {{"partNumber", number}, {"uploadId", upload.id}}, {}, part, {}});
  if (!reply) return tl::unexpected(reply.error());
  if (reply->etag.empty() || reply->etag.find_first_of("<>&") != std::string::npos) {
    return fail(Errc::kIo, fmt::format("{}: the store took a part and gave no ETag of it",
                                       place_of(upload.name)));
  }
  upload.etags.push_back(reply->etag);
  return {};
}

Result<void> S3Store::complete(const Upload& upload) {
  std::string text = "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">";
  for (std::size_t i = 0; i < upload.etags.size(); ++i) {
    text += fmt::format("<Part><PartNumber>{}</PartNumber><ETag>{}</ETag></Part>", i + 1,
                        upload.etags[i]);
  }
  text += "</CompleteMultipartUpload>";
  const auto reply = client_.ask({"POST", upload.name, {{"uploadId", upload.id}}, {}, text, {}});
  if (!reply) return tl::unexpected(reply.error());
  return {};
}

void S3Store::abandon(const Upload& upload) {
  if (upload.id.empty()) return;
  (void)client_.ask({"DELETE", upload.name, {{"uploadId", upload.id}}, {}, {}, {404}});
}

Result<void> S3Store::put(std::string_view name, const PieceSource& source) {
  const std::size_t part_bytes = client_.limits().part_bytes;
  Upload upload{std::string(name), {}, {}};
  std::string part;
  Result<void> done;
  while (done) {
    const Result<std::string_view> next = source();
    if (!next) done = tl::unexpected(next.error());
    if (!next || next->empty()) break;
    // A part is sent once more is to come: the last one is never empty.
    for (std::string_view piece = *next; done && !piece.empty();) {
      if (part.size() == part_bytes) {
        done = put_part(upload, part);
        part.clear();
      }
      const std::size_t count = std::min(part_bytes - part.size(), piece.size());
      part += piece.substr(0, count);
      piece.remove_prefix(count);
    }
  }
  if (done && upload.id.empty()) {
    done = renew();
    if (!done) return done;
    const auto reply = client_.ask({"PUT", upload.name, {}, {}, part, {}});
    return reply ? Result<void>() : tl::unexpected(reply.error());
  }
  if (done) done = put_part(upload, part);
  if (done) done = complete(upload);
  if (!done) abandon(upload);
  return done;
}

Result<void> S3Store::remove(std::string_view name) {
  if (auto renewed = renew(); !renewed) return renewed;
  const auto reply = client_.ask({"DELETE", std::string(name), {}, {}, {}, {404}});
  if (!reply) return tl::unexpected(reply.error());
  return {};
}
}  // namespace tocsin::api
