#include "runtime/job_state/job_front.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "cep/base/byte_codec.h"
#include "cep/data/row_identity.h"
#include "cep/plan/event_type.h"
#include "cep/plan/plan.h"
#include "cep/stage/outbox.h"
#include "cep/value/read_position.h"
#include "runtime/decode/decoder.h"
#include "runtime/event_time/line_reports.h"
#include "runtime/event_time/run_options.h"
#include "runtime/event_time/watermarks.h"
#include "runtime/job_state/job_folder.h"
#include "runtime/stages/front_change.h"
#include "runtime/stages/judged_rows.h"
#include "runtime/stages/line_message.h"
#include "runtime/stages/open_equals.h"
#include "runtime/stages/waiting_lines.h"

namespace tocsin::runtime {
namespace {
constexpr cep::KeyGroup kOnly;

tl::unexpected<Error> damaged(std::string_view what) {
  return fail(Errc::kCorrupt, fmt::format("the state is damaged: {}", what));
}
std::string head_key() { return cep::stage_entry_key(cep::StageEntry::kHead); }
std::string layout_key() { return cep::stage_entry_key(cep::StageEntry::kLayout); }

// ---- of one machine

Result<void> write_judges(const cep::Program& program, const IntakeImage& image, std::uint64_t base,
                          const PutFrontEntry& put) {
  auto done = put(kJudgesStage, kOnly, head_key(), front_head(cep::kEventTimeMin));
  if (done)
    done = put(kJudgesStage, kOnly, layout_key(), front_layout(program, FrontEntry::kSource));
  if (done) done = put(kJudgesStage, kOnly, front_key(FrontEntry::kBase, {}), write_base(base));
  for (const SourceImage& source : image.sources.sources) {
    if (!done) return done;
    std::string value;
    ByteWriter to(value);
    const bool has_lines = source.last_line != 0;
    write_source_place(to, {std::nullopt, has_lines ? source.last_line + 1 : 0});
    // One that has ended may be read again, to the end that it had: until then it has not ended.
    SourceImage begun = source;
    begun.state = SourceState::kActive;
    write_sources({{begun}, begun.watermark}, to);
    done = put(kJudgesStage, cep::key_group(source.name),
               front_key(FrontEntry::kSource, source.name), value);
  }
  return done;
}

// Lines that wait, as judges send them to the groups of their events.
class LinesToGroups {
 public:
  LinesToGroups(const cep::Program& program, const PutFrontEntry& put)
      : reports_(program.plan(), UnknownTypes::kIgnore, {}, summary_),
        rows_(program, JudgesChange::kYes, reports_),
        put_(put) {}

  Result<void> take(std::string_view source, const WaitingImage& waiting) {
    rows_.name_source(source, marks_);
    const Decoded decoded = rows_.decode_again(waiting.text);
    if (decoded.kind != LineKind::kEvent || !decoded.used) return {};
    const Line line{waiting.text, waiting.line};
    rows_.keep(0, waiting.engine_time, line, waiting.arrival);
    return give();
  }

 private:
  Result<void> give() {
    cep::StageBlock block;
    while (rows_.outbox().take(block)) {
      cep::BlockReader reader(block.bytes);
      cep::BlockReader::Message message;
      while (reader.next(message)) {
        LineMessage line;
        ByteReader from(message.body);
        if (!read_line_message(from, line)) return damaged("a line that waits");
        const std::string key = WaitingLines::key_of({line.engine_time, line.arrival});
        auto done = put_(kIntakeStage, message.groups.front(), key, message.body);
        if (!done) return done;
      }
    }
    return {};
  }
  RunSummary summary_;
  LineReports reports_;  // all was said where the lines were read
  Watermarks marks_;     // of which no change of rules asks
  JudgedRows rows_;
  const PutFrontEntry& put_;
};

Result<void> write_ids(const IntakeImage& image, const PutFrontEntry& put) {
  std::uint64_t number = 0;
  for (const IdsImage& ids : image.ids) {
    std::map<std::uint32_t, std::vector<const RecentIds::Entry*>> by_group;
    for (const RecentIds::Entry& id : ids.ids) by_group[group_of_id(id.id).value].push_back(&id);
    for (const auto& [group, of_group] : by_group) {
      std::string value;
      ByteWriter to(value);
      to.text(ids.type);
      to.text(ids.id_field);
      to.varint(of_group.size());
      for (const RecentIds::Entry* const id : of_group) {
        to.i64(id->time.us);
        to.u64(id->id[0]);
        to.u64(id->id[1]);
      }
      std::string rest;
      ByteWriter(rest).u64(number++);
      if (auto done = put(kIntakeStage, {group}, front_key(FrontEntry::kIds, rest), value); !done) {
        return done;
      }
    }
  }
  return {};
}

// Events of the time that the state stands at, under the groups of their identities.
Result<void> write_equals(const cep::Program& program, const IntakeImage& image,
                          cep::GroupTime time, const PutFrontEntry& put) {
  if (!time.is_open || image.equals.empty() || image.equals_at != time.reached) return {};
  const cep::Plan& plan = program.plan();
  Decoder decoder(plan, program.used_fields(), program.used_types());
  cep::Batch batch(plan);
  for (const EqualImage& equal : image.equals) {
    batch.clear();
    decoder.begin(batch);
    std::string padded = equal.line;
    padded.append(kLinePadding, '\n');
    const Decoded decoded = decoder.decode(std::string_view(padded).substr(0, equal.line.size()));
    if (decoded.kind != LineKind::kEvent || !decoded.used) continue;
    decoder.keep(image.equals_at, {});
    decoder.finish();
    const std::string identity = cep::row_identity(plan, batch, batch.rows.front()).bytes;
    auto done =
        put(kIntakeStage, group_of_identity(identity), front_key(FrontEntry::kEquals, identity),
            write_equal_lines({image.equals_at, equal.count, equal.line}));
    if (!done) return done;
  }
  return {};
}
}  // namespace

Result<void> write_front(const cep::Program& program, const IntakeImage& image, cep::GroupTime time,
                         std::uint64_t base, const PutFrontEntry& put) {
  if (base > kBaseMax) {
    return fail(Errc::kLimit,
                "the arrival numbers of the state are used up: it was converted too often between "
                "a job of many partitions and one machine");
  }
  auto done = write_judges(program, image, base, put);
  const std::string head = front_head(time.watermark());
  const std::string layout = front_layout(program, FrontEntry::kLine);
  for (std::uint32_t group = 0; group < cep::kKeyGroupCount && done; ++group) {
    done = put(kIntakeStage, {group}, head_key(), head);
    if (done) done = put(kIntakeStage, {group}, layout_key(), layout);
  }
  LinesToGroups lines(program, put);
  for (const WaitingImage& waiting : image.waiting) {
    if (!done) return done;
    done = lines.take(image.sources.sources[waiting.source].name, waiting);
  }
  if (done) done = write_ids(image, put);
  if (done) done = write_equals(program, image, time, put);
  return done;
}

// ---- of a job

void FrontOfStages::note(cep::ArrivalNumber arrival) {
  next_record_ = std::max(next_record_, arrival.record + 1);
}

Result<void> FrontOfStages::collect_judge(cep::KeyGroup /*group*/, std::string_view key,
                                          std::string_view value) {
  has_judges_ = true;
  if (key == head_key() || key == layout_key()) return {};
  if (key == front_key(FrontEntry::kBase, {})) {
    const std::optional<std::uint64_t> base = read_base(value);
    if (!base) return damaged("the judges' base");
    base_ = std::max(base_, *base);
    return {};
  }
  Judged judged;
  ByteReader from(value);
  judged.place = read_source_place(from);
  SourcesImage image;
  if (key.size() < 2 || key.front() != static_cast<char>(FrontEntry::kSource) ||
      !read_sources(from, image) || !from.is_done() || image.sources.size() != 1 ||
      image.sources.front().name != key.substr(1)) {
    return damaged("a source");
  }
  judged.source = std::move(image.sources.front());
  Judged& known = judged_[judged.source.name];
  if (known.source.name.empty() || known.place.last < judged.place.last) known = std::move(judged);
  return {};
}

Result<void> FrontOfStages::collect_intake(cep::KeyGroup group, std::string_view key,
                                           std::string_view value) {
  if (key == head_key()) {
    heads_[group.value] = value;
    return {};
  }
  if (key == layout_key()) {
    if (layout_.empty()) layout_ = value;
    return {};
  }
  if (key.empty()) return damaged("an entry of the intake");
  ByteReader from(value);
  switch (static_cast<FrontEntry>(key.front())) {
    case FrontEntry::kLine: {
      LineMessage line;
      if (!read_line_message(from, line)) return damaged("a line that waits");
      note(line.arrival);
      waiting_.push_back(
          {std::string(line.source),
           {0, line.engine_time, line.arrival, line.number, std::string(line.text)}});
      return {};
    }
    case FrontEntry::kIds: {
      const std::string type(from.text());
      std::vector<RecentIds::Entry>& ids = ids_[{type, std::string(from.text())}];
      for (std::uint64_t left = from.varint_up_to(from.left()); left > 0 && from.ok(); --left) {
        const cep::EventTime time{from.i64()};
        const std::uint64_t low = from.u64();
        ids.push_back({time, {low, from.u64()}});
      }
      return from.is_done() ? Result<void>() : damaged("ids of events");
    }
    case FrontEntry::kEquals: {
      EqualLines equals;
      if (!read_equal_lines(value, equals)) return damaged("equal events");
      equals_[std::string(equals.line)] = equals.count;
      equals_at_ = equals.time;
      return {};
    }
    case FrontEntry::kSource:
    case FrontEntry::kBase:
      break;
  }
  return damaged("an entry of the intake");
}

Result<IntakeImage> FrontOfStages::finish(cep::GroupTime time) {
  if (!has_judges_ || layout_.empty() || heads_.size() != cep::kKeyGroupCount) {
    return damaged(fmt::format("the intake has {} of {} key groups: a part of it is missing",
                               heads_.size(), cep::kKeyGroupCount));
  }
  for (const auto& [group, head] : heads_) {
    if (head == front_head(time.watermark())) continue;
    return fail(Errc::kConflict,
                "the intake and the passes have come to different times: stop the job with a "
                "savepoint of aligned checkpoints, and export that");
  }
  IntakeImage image;
  image.given = time.reached;
  SourcesImage& sources = image.sources;
  // Of an open time more may come; else what comes next is after it.
  if (time.reached != cep::kEventTimeMin) sources.watermark = {time.watermark().us + 1};
  std::map<std::string, std::size_t> places;
  for (auto& [name, judged] : judged_) {
    SourceImage& source = judged.source;
    std::uint64_t& next = next_numbers_[name];
    next = judged.place.taken_before;
    if (judged.place.last) {
      note({base_ + judged.place.last->record, 0});
      next = std::max(next, cep::offset_of(*judged.place.last) + 1);
    }
    places[name] = sources.sources.size();
    const bool holds_back = source.watermark >= sources.watermark;
    // Time went on without it.
    if (!holds_back && source.state == SourceState::kActive) source.state = SourceState::kIdle;
    source.watermark = std::max(source.watermark, sources.watermark);
    sources.sources.push_back(source);
  }
  next_record_ = std::max(next_record_, base_ + 1);
  for (WaitingOf& waiting : waiting_) {
    const auto source = places.find(waiting.source);
    if (source == places.end()) return damaged("a line of no source");
    waiting.line.source = source->second;
    image.waiting.push_back(std::move(waiting.line));
  }
  std::ranges::sort(image.waiting, {}, [](const WaitingImage& line) { return line.arrival; });
  for (auto& [of, ids] : ids_) {
    std::ranges::sort(ids, {},
                      [](const RecentIds::Entry& id) { return std::tuple(id.time, id.id); });
    image.ids.push_back({of.first, of.second, std::move(ids)});
  }
  image.equals_at = equals_at_;
  for (const auto& [line, count] : equals_) image.equals.push_back({count, line});
  if (!image.equals.empty() && (!time.is_open || equals_at_ != time.reached)) {
    return damaged("equal events");
  }
  return image;
}
}  // namespace tocsin::runtime
