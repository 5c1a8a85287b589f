#include "cep/stage/waiting_rows.h"

#include <algorithm>
#include <utility>

#include "cep/data/row_identity.h"
#include "cep/plan/event_type.h"
#include "cep/plan/plan.h"
#include "cep/record/state_values.h"

namespace tocsin::cep {
namespace {
// The length of identity_of_fields(), and of an alert's id.
constexpr std::size_t kIdentityBytes = 21;
constexpr std::size_t kAlertIdBytes = 32;

void merge_groups(std::vector<KeyGroup>& into, const std::vector<KeyGroup>& from) {
  if (into.empty() || into == from) {
    into = from;
    return;
  }
  std::vector<KeyGroup> both;
  std::ranges::set_union(into, from, std::back_inserter(both));
  into = std::move(both);
}
}  // namespace

void WaitingRows::cut(StageEntry kind, StageCut& to) const {
  for (const auto& [place, waiting] : rows_) {
    std::string key = stage_entry_key(kind);
    ByteWriter place_to(key);
    write_place(place_to, place);
    for (const KeyGroup group : waiting.groups) {
      to.add(group, key, messages_of(place, waiting, group));
    }
  }
}

void write_fields(ByteWriter& to, const ProgramImpl& program, const Batch& batch, const Row& row) {
  const Plan& plan = *program.plan;
  const EventType& type = plan.event_types[row.type.value];
  to.signed_varint(row.ts.us);
  if (type.is_alert()) {
    to.text(row.raw);
  } else if (!type.id_field) {
    to.text(row_identity(plan, batch, row).bytes);
  }
  for (std::size_t f = 0; f < type.fields.size(); ++f) {
    if (!program.used_fields[row.type.value][f]) continue;
    save_value(to, batch.value(plan, row, FieldIndex(f)));
  }
}

bool WaitingRows::read_fields(std::string_view bytes, const RowPlace& place, Batch& batch) {
  const EventType& type = program_.plan->event_types[place.type.value];
  ByteReader from(bytes);
  Row row;
  row.type = place.type;
  row.engine_time = place.order.time;
  row.arrival = place.order.arrival;
  if (!restore_time(from, row.ts.us)) return false;
  if (type.is_alert() != place.is_alert) return false;
  if (type.is_alert() || !type.id_field) {
    const std::string_view raw = from.text();
    if (raw.size() != (type.is_alert() ? kAlertIdBytes : kIdentityBytes)) return false;
    row.raw = batch.texts.store(raw);
  }
  std::vector<Column>& columns = batch.types[place.type.value].fields;
  row.index = entries_[place.type.value]++;
  for (std::size_t f = 0; f < type.fields.size(); ++f) {
    if (!program_.used_fields[place.type.value][f]) continue;
    Value value;
    if (!restore_value(from, &type.fields[f].type, value)) return false;
    append_value(columns[f], type.fields[f].type, value, batch.texts);
  }
  batch.rows.push_back(row);
  return from.is_done();
}

bool WaitingRows::put(const BlockReader::Message& message, EventTime watermark,
                      std::optional<EventTime> end) {
  ByteReader from(message.body);
  RowPlace place;
  if (!read_place(from, *program_.plan, place) || place.order.time <= watermark) return false;
  if (end && place.order.time >= *end) return false;
  if (place.is_alert && (place.order.rule >= program_.rules.size() ||
                         !program_.plan->event_types[place.type.value].is_alert())) {
    return false;
  }
  // Rows mostly come in order: then the place is the last one.
  const std::size_t rows = rows_.size();
  Waiting& waiting = rows_.try_emplace(rows_.end(), std::move(place))->second;
  const bool is_new = rows_.size() > rows;
  if (!is_new) bytes_ -= bytes_of(waiting);
  merge_groups(waiting.groups, message.groups);
  bool is_well = true;
  if (message.kind == MessageKind::kRow) {
    waiting.fields = std::string(from.raw(from.left()));
  } else if (message.kind == MessageKind::kValue) {
    Known known;
    is_well = program_.value_count > 0;
    if (is_well) known.value = FeatureIndex(from.varint_up_to(program_.value_count - 1));
    known.place = static_cast<std::uint32_t>(from.varint_up_to(kRolesMax - 1));
    known.bytes = from.raw(from.left());
    const auto same = std::ranges::find_if(waiting.values, [&](const Known& other) {
      return other.value == known.value && other.place == known.place;
    });
    is_well = is_well && from.ok();
    if (is_well && same == waiting.values.end()) waiting.values.push_back(std::move(known));
  } else if (message.kind == MessageKind::kMark) {
    const RuleIndex rule(from.varint_up_to(program_.rules.size() - 1));
    is_well = from.is_done();
    if (std::ranges::find(waiting.marks, rule) == waiting.marks.end()) {
      waiting.marks.push_back(rule);
    }
  } else {
    is_well = false;
  }
  bytes_ += bytes_of(waiting);
  return is_well;
}

bool WaitingRows::take(EventTime watermark, std::size_t rows_max, Batch& batch, Taken& taken) {
  taken.places.clear();
  taken.known.clear();
  entries_.assign(program_.plan->event_types.size(), 0);
  std::uint32_t alerts = 0;  // of one cause
  while (has_due(watermark)) {
    const auto first = rows_.begin();
    const bool has_one_cause =
        !taken.places.empty() && first->first.has_cause_of(taken.places.back());
    if (taken.places.size() >= rows_max && !has_one_cause) break;
    if (!has_one_cause) alerts = 0;
    auto node = rows_.extract(first);
    bytes_ -= bytes_of(node.mapped());
    // What is known at a row that never came is of a part that no longer has its group.
    if (!node.mapped().fields) continue;
    if (!read_fields(*node.mapped().fields, node.key(), batch)) return false;
    if (node.key().is_alert) {
      const bool is_of_timer = node.key().order.phase == Phase::kTimer;
      batch.rows.back().arrival.after =
          ++alerts | (is_of_timer ? ArrivalNumber::kOfTimer : std::uint32_t{0});
    }
    taken.places.push_back(std::move(node.key()));
    taken.known.push_back(std::move(node.mapped()));
  }
  return true;
}

std::size_t WaitingRows::bytes_of(const Waiting& waiting) {
  constexpr std::size_t kNode = 5 * sizeof(void*);
  std::size_t sum = kNode + sizeof(RowPlace) + sizeof(Waiting);
  if (waiting.fields) sum += waiting.fields->size();
  for (const Known& known : waiting.values) sum += sizeof(Known) + known.bytes.size();
  return sum + waiting.groups.size() * sizeof(KeyGroup) + waiting.marks.size() * sizeof(RuleIndex);
}

std::string WaitingRows::messages_of(const RowPlace& place, const Waiting& waiting,
                                     KeyGroup group) const {
  std::string messages;
  const auto put = [&](MessageKind kind, auto&& write) {
    std::string body;
    ByteWriter to(body);
    write_place(to, place);
    write(to);
    append_message(messages, kind, std::span(&group, 1), body);
  };
  if (waiting.fields) {
    put(MessageKind::kRow, [&](ByteWriter& to) { to.raw(*waiting.fields); });
  }
  for (const Known& known : waiting.values) {
    put(MessageKind::kValue, [&](ByteWriter& to) {
      to.varint(known.value.value);
      to.varint(known.place);
      to.raw(known.bytes);
    });
  }
  for (const RuleIndex rule : waiting.marks) {
    put(MessageKind::kMark, [&](ByteWriter& to) { to.varint(rule.value); });
  }
  return seal_block(plan_tag(program_), messages);
}
}  // namespace tocsin::cep
