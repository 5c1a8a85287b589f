#include "runtime/replay/earlier_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <string_view>
#include <utility>

#include "cep/base/byte_codec.h"
#include "cep/data/state_entry.h"
#include "cep/eval/computed.h"
#include "cep/value/key.h"
#include "runtime/archive/archive_reader.h"
#include "runtime/journal/journal_reader.h"
#include "runtime/replay/archived_arrivals.h"

namespace tocsin::runtime {
namespace {
constexpr std::uint8_t kFormat = 1;
constexpr std::size_t kChunkBytes = std::size_t{1} << 20;
constexpr std::uint64_t kSlicesPerLook = 16;
constexpr std::uint64_t kRecordsPerLook = 64;
constexpr std::uint64_t kEventsPerLook = 1024;

TimeSpan from_on(cep::EventTime since) { return {since, cep::kEventTimeMax}; }

// Entries one behind the other: table, key, value.
class EntryWriter : public cep::StateSink {
 public:
  void put(const cep::StateKey& key, std::string_view value) override {
    ByteWriter to(bytes_);
    to.varint(key.table);
    to.text(key.key);
    to.text(value);
    ++count_;
  }
  void remove(const cep::StateKey&) override {}
  void shard_done(std::uint32_t) override {}
  std::uint64_t count() const { return count_; }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
  std::uint64_t count_ = 0;
};
}  // namespace

EarlierRun::EarlierRun(Files& files, EarlierEvents from, NodeProgram program, cep::EventTime since,
                       EarlierRunOptions options)
    : files_(files),
      from_(std::move(from)),
      program_(program.program.with_own_data()),
      since_(since),
      line_bytes_max_(program.intake.line_bytes_max),
      options_(std::move(options)),
      engine_(program_, program.intake.hash_seed),
      intake_(
          UsedEvents::of(program_),
          [&] {
            IntakeOptions intake = program.intake;
            intake.is_saved = true;
            return intake;
          }(),
          {}, summary_,
          [this](cep::Batch& slice, cep::EventTime watermark) {
            return advance(slice, watermark);
          }) {
  engine_.track_changes();
}

EarlierRun::~EarlierRun() { drop_kept(); }

// Only its own state: the entries of lists are others' too. Without the space nothing is lost.
void EarlierRun::drop_kept() {
  if (kept_.empty() || is_journaled_) return;
  static_cast<void>(BlobStore::look(files_, from_.blobs).remove(kept_.front().digest));
  kept_.clear();
}

std::unique_ptr<EarlierRun> EarlierRun::make(Files& files, EarlierEvents from, NodeProgram program,
                                             cep::EventTime since, EarlierRunOptions options) {
  return std::unique_ptr<EarlierRun>(
      new EarlierRun(files, std::move(from), std::move(program), since, std::move(options)));
}

Result<std::unique_ptr<EarlierRun>> EarlierRun::restore(Files& files, EarlierEvents from,
                                                        NodeProgram program,
                                                        const std::vector<CheckpointBlob>& kept,
                                                        EarlierRunOptions options) {
  const auto state = std::ranges::find(kept, kPastRole, &CheckpointBlob::role);
  if (state == kept.end()) return fail(Errc::kCorrupt, "a deploy names no state of the past");
  const BlobStore blobs = BlobStore::look(files, from.blobs);
  const Result<std::string> bytes = blobs.get(state->digest);
  if (!bytes) return tl::unexpected(bytes.error());
  std::unique_ptr<EarlierRun> run =
      make(files, std::move(from), std::move(program), cep::kEventTimeMin, std::move(options));
  if (auto read = run->read(*bytes, blobs); !read) return tl::unexpected(read.error());
  run->kept_ = kept;
  run->is_journaled_ = true;
  return run;
}

Result<void> EarlierRun::advance(cep::Batch& slice, cep::EventTime watermark) {
  cep::fill_computed(program_, slice);
  alerts_.clear();
  engine_.advance(slice, watermark, alerts_);
  return ++slices_ % kSlicesPerLook == 0 ? check_room() : Result<void>();
}

Result<void> EarlierRun::check_room() {
  if (!options_.memory_max) return {};
  const std::uint64_t used = engine_.stats().state_bytes + intake_.waiting_bytes();
  if (used <= *options_.memory_max) return {};
  return fail(Errc::kLimit, fmt::format("what the rules make of earlier events takes {} bytes of "
                                        "memory, and may take {}",
                                        used, *options_.memory_max));
}

Result<void> EarlierRun::take_earlier(std::uint64_t end) {
  const ReplayedArchive archive{.archive = from_.archive,
                                .journal = from_.journal,
                                .blobs = from_.blobs,
                                .times = from_on(since_),
                                .lists_as_of = std::nullopt,
                                .line_bytes_max = line_bytes_max_,
                                .end = end,
                                .stop_requested = options_.stop_requested};
  Result<std::unique_ptr<ArchivedArrivals>> arrivals =
      ArchivedArrivals::open(files_, archive, {&program_});
  if (!arrivals) return tl::unexpected(arrivals.error());
  std::uint64_t looked_at = 0;  // events
  for (std::uint64_t count = 0;; ++count) {
    const Result<bool> given = (*arrivals)->give(intake_);
    if (!given) return tl::unexpected(given.error());
    if (!*given) break;
    if (auto flushed = intake_.flush(); !flushed) return flushed;
    if (count % kRecordsPerLook != 0 && summary_.events - looked_at < kEventsPerLook) continue;
    looked_at = summary_.events;
    if (options_.stop_requested && options_.stop_requested()) {
      return fail(Errc::kStopped, "stopped");
    }
    if (options_.progress && (*arrivals)->total() > 0) {
      options_.progress(
          static_cast<double>((*arrivals)->done()) / static_cast<double>((*arrivals)->total()),
          summary_.events);
    }
  }
  for (const Error& damage : (*arrivals)->damages()) notes_.push_back(damage.message);
  for (const ArchiveGap& gap : (*arrivals)->reader().gaps()) {
    notes_.push_back(fmt::format("records {} to {} are no longer there", gap.first, gap.end - 1));
  }
  for (std::string& lost : (*arrivals)->lists_lost()) notes_.push_back(std::move(lost));
  next_ = (*arrivals)->next_sequence();
  records_.emplace(std::move((*arrivals)->records()));
  return {};
}

Result<void> EarlierRun::catch_up(std::uint64_t end) {
  if (next_ >= end) return {};
  Result<JournalReader> reader = JournalReader::open(files_, from_.journal, next_, end);
  if (!reader && reader.error().code == Errc::kNotFound) return catch_up_by_archive(end);
  if (!reader) return tl::unexpected(reader.error());
  while (next_ < end) {
    const Result<std::optional<JournalEntry>> entry = reader->next();
    if (!entry) return tl::unexpected(entry.error());
    if (!*entry) return {};
    if (auto taken = take((*entry)->sequence, (*entry)->record); !taken) return taken;
    if (options_.stop_requested && next_ % kRecordsPerLook == 0 && options_.stop_requested()) {
      return fail(Errc::kStopped, "stopped");
    }
  }
  return {};
}

// It was slower than two checkpoints.
Result<void> EarlierRun::catch_up_by_archive(std::uint64_t end) {
  constexpr cep::Duration kClockSetBack{3'600'000'000};
  ArchiveQuestion question;
  if (taken_at_ > cep::kEventTimeMin) question.taken = from_on(taken_at_ - kClockSetBack);
  question.keeps_between = true;
  Result<ArchiveReader> reader =
      ArchiveReader::open(files_, from_.archive, from_.journal, std::move(question));
  if (!reader) return tl::unexpected(reader.error());
  while (next_ < end) {
    const Result<std::optional<ArchivedRecord>> next = reader->next();
    if (!next) return tl::unexpected(next.error());
    if (!*next) return {};
    if ((*next)->sequence < next_) continue;
    if ((*next)->sequence > next_) {
      notes_.push_back(
          fmt::format("records {} to {} are no longer there", next_, (*next)->sequence - 1));
    }
    if (auto taken = take((*next)->sequence, (*next)->record); !taken) return taken;
  }
  return {};
}

Result<void> EarlierRun::take(std::uint64_t sequence, const JournalRecord& record) {
  next_ = sequence + 1;
  if (const auto* const lines = std::get_if<ArrivalByValue>(&record)) taken_at_ = lines->taken_at;
  if (auto taken = records_->take(intake_, sequence, record); !taken) return taken;
  return intake_.flush();
}

Result<void> EarlierRun::may_join(const Intake& node) const {
  for (std::size_t i = 0; i < node.source_count(); ++i) {
    const SourceStatus source = node.status(i);
    if (source.state != SourceState::kActive || intake_.find(source.name)) continue;
    if (source.watermark >= intake_.given()) continue;
    return fail(
        Errc::kConflict,
        fmt::format("the source {} has sent no event since {}, and holds time back at {}: "
                    "have it send, or end it, and ask again",
                    source.name, cep::format_time(since_), cep::format_time(source.watermark)));
  }
  return {};
}

Result<void> EarlierRun::join(Intake& node) {
  const cep::EventTime time = std::max(intake_.given(), node.given());
  if (auto given = intake_.give_up_to(time); !given) return given;
  return node.give_up_to(time);
}

Result<void> EarlierRun::keep(BlobStore& blobs) {
  ListChanges& lists = records_->lists().changes();
  std::string bytes;
  ByteWriter to(bytes);
  to.u8(kFormat);
  to.varint(options_.number);
  to.varint(next_);
  to.signed_varint(since_.us);
  to.text(lists.save(program_));
  std::string intake;
  intake_.save(intake);
  to.text(intake);
  engine_.mark_all_changed();
  to.text(engine_.begin_snapshot());
  EntryWriter entries;
  while (!engine_.write_snapshot(entries, kChunkBytes)) {
    if (options_.stop_requested && options_.stop_requested()) {
      return fail(Errc::kStopped, "stopped");
    }
  }
  to.varint(entries.count());
  to.raw(entries.bytes());
  std::vector<CheckpointBlob> of_lists = lists.blobs();
  for (const CheckpointBlob& blob : of_lists) {
    if (auto there = blobs.get(blob.digest); !there) return tl::unexpected(there.error());
  }
  const Result<cep::Digest> digest = blobs.put(bytes);
  if (!digest) return tl::unexpected(digest.error());
  if (kept_.empty() || kept_.front().digest != *digest) drop_kept();
  kept_ = {{std::string(kPastRole), bytes.size(), *digest}};
  std::ranges::move(of_lists, std::back_inserter(kept_));
  kept_before_ = next_;
  return {};
}

Result<void> EarlierRun::read(std::string_view bytes, const BlobStore& blobs) {
  const auto corrupt = [] { return fail(Errc::kCorrupt, "a kept state of the past is damaged"); };
  ByteReader from(bytes);
  if (const std::uint8_t format = from.u8(); format != kFormat) {
    return fail(Errc::kOtherVersion,
                fmt::format("a kept state of the past has format {}, and this program knows "
                            "format {}: use the version of tocsin that wrote it",
                            format, kFormat));
  }
  options_.number = from.varint();
  next_ = kept_before_ = from.varint();
  since_.us = from.signed_varint();
  const std::string_view lists = from.text();
  const std::string_view intake = from.text();
  const std::string_view globals = from.text();
  const std::uint64_t count = from.varint_up_to(from.left());
  if (!from.ok()) return corrupt();
  ArchivedLists archived(files_, from_.blobs, {&program_});
  if (auto lost = archived.changes().restore(lists, program_, blobs); !lost) {
    return tl::unexpected(lost.error());
  }
  const bool follows = archived.are_there();
  records_.emplace(std::move(archived), follows, from_on(since_), program_, line_bytes_max_);
  if (auto restored = intake_.restore(intake); !restored) return restored;
  if (auto begun = engine_.begin_restore(globals); !begun) return tl::unexpected(begun.error());
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto table =
        static_cast<std::uint16_t>(from.varint_up_to(std::numeric_limits<std::uint16_t>::max()));
    const std::string_view key = from.text();
    const std::string_view value = from.text();
    if (!from.ok()) return corrupt();
    if (auto restored = engine_.restore({table, cep::key_group(key), key}, value); !restored) {
      return restored;
    }
  }
  if (!from.is_done()) return corrupt();
  return engine_.finish_restore();
}
}  // namespace tocsin::runtime
