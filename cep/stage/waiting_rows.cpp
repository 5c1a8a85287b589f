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

// Whether the value is known already.
bool has_value(const WaitingRows::Waiting& waiting, FeatureIndex value, std::uint32_t place) {
  return std::ranges::any_of(waiting.values, [&](const WaitingRows::Known& known) {
    return known.value == value && known.place == place;
  });
}
void add_fields(WaitingRows::Waiting& to, std::string_view bytes) {
  if (to.has_row) return;  // it came before
  to.has_row = true;
  to.fields_at = to.bytes.size();
  to.fields_size = bytes.size();
  to.bytes += bytes;
}
void add_value(WaitingRows::Waiting& to, FeatureIndex value, std::uint32_t place,
               std::string_view bytes) {
  if (has_value(to, value, place)) return;
  to.values.push_back({value, place, to.bytes.size(), bytes.size()});
  to.bytes += bytes;
}
void add_mark(WaitingRows::Waiting& to, RuleIndex rule) {
  if (std::ranges::find(to.marks, rule) == to.marks.end()) to.marks.push_back(rule);
}
void merge(WaitingRows::Waiting& to, const WaitingRows::Waiting& from) {
  merge_groups(to.groups, from.groups);
  if (from.has_row) add_fields(to, from.fields());
  for (const WaitingRows::Known& known : from.values) {
    add_value(to, known.value, known.place, from.bytes_of(known));
  }
  for (const RuleIndex rule : from.marks) add_mark(to, rule);
}

// What a slot's item is emptied to. What it allocated stays, unless it is unusually large.
void clear(WaitingRows::Waiting& waiting) {
  constexpr std::size_t kBytesKept = 4'096;
  if (waiting.bytes.capacity() > kBytesKept) {
    waiting = {};
    return;
  }
  waiting.bytes.clear();
  waiting.has_row = false;
  waiting.groups.clear();
  waiting.values.clear();
  waiting.marks.clear();
}
// Of what the item refers to.
std::size_t bytes_of(const WaitingRows::Waiting& waiting) {
  return waiting.bytes.size() + waiting.groups.size() * sizeof(KeyGroup) +
         waiting.values.size() * sizeof(WaitingRows::Known) +
         waiting.marks.size() * sizeof(RuleIndex);
}
}  // namespace

void WaitingRows::cut(StageEntry kind, StageCut& to) const {
  RowPlace place;
  Waiting waiting;
  bool has_one = false;
  const auto add = [&] {
    std::string key = stage_entry_key(kind);
    ByteWriter place_to(key);
    write_place(place_to, place);
    for (const KeyGroup group : waiting.groups) {
      to.add(group, key, messages_of(place, waiting, group));
    }
  };
  rows_.each([&](const RowPlace& next, const Waiting& item) {
    if (has_one && next == place) {
      merge(waiting, item);
      return;
    }
    if (has_one) add();
    has_one = true;
    place = next;
    waiting = item;
  });
  if (has_one) add();
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
  const auto [waiting, is_new] = rows_.find_or_add(std::move(place));
  if (is_new) {
    clear(waiting);
  } else {
    bytes_ -= bytes_of(waiting);
  }
  merge_groups(waiting.groups, message.groups);
  const bool is_well = add(message, from, waiting);
  bytes_ += bytes_of(waiting);
  return is_well;
}

// What the message says behind the row's place.
bool WaitingRows::add(const BlockReader::Message& message, ByteReader& from, Waiting& to) const {
  switch (message.kind) {
    case MessageKind::kRow:
      add_fields(to, from.raw(from.left()));
      return true;
    case MessageKind::kValue: {
      if (program_.value_count == 0) return false;
      const FeatureIndex value(from.varint_up_to(program_.value_count - 1));
      const auto place = static_cast<std::uint32_t>(from.varint_up_to(kRolesMax - 1));
      if (!from.ok()) return false;
      add_value(to, value, place, from.raw(from.left()));
      return true;
    }
    case MessageKind::kMark: {
      const RuleIndex rule(from.varint_up_to(program_.rules.size() - 1));
      if (!from.is_done()) return false;
      add_mark(to, rule);
      return true;
    }
    default:
      return false;
  }
}

bool WaitingRows::take(EventTime watermark, std::size_t rows_max, Batch& batch, Taken& taken) {
  taken.places.clear();
  entries_.assign(program_.plan->event_types.size(), 0);
  std::uint32_t alerts = 0;  // of one cause
  while (has_due(watermark)) {
    const RowPlace& place = rows_.first();
    const std::size_t count = taken.places.size();
    const bool has_one_cause = count > 0 && place.has_cause_of(taken.places.back());
    if (count >= rows_max && !has_one_cause) break;
    if (!has_one_cause) alerts = 0;
    if (taken.known.size() == count) taken.known.emplace_back();
    taken.places.push_back(place);
    Waiting& waiting = taken.known[count];
    bytes_ -= bytes_of(rows_.first_item());
    std::swap(waiting, rows_.first_item());
    rows_.pop();
    while (!rows_.empty() && rows_.first() == taken.places.back()) {
      bytes_ -= bytes_of(rows_.first_item());
      merge(waiting, rows_.first_item());
      rows_.pop();
    }
    // What is known at a row that never came is of a part that no longer has its group.
    if (!waiting.has_row) {
      taken.places.pop_back();
      continue;
    }
    const RowPlace& taken_place = taken.places.back();
    if (!read_fields(waiting.fields(), taken_place, batch)) return false;
    if (taken_place.is_alert) {
      const bool is_of_timer = taken_place.order.phase == Phase::kTimer;
      batch.rows.back().arrival.after =
          ++alerts | (is_of_timer ? ArrivalNumber::kOfTimer : std::uint32_t{0});
    }
  }
  return true;
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
  if (waiting.has_row) {
    put(MessageKind::kRow, [&](ByteWriter& to) { to.raw(waiting.fields()); });
  }
  for (const Known& known : waiting.values) {
    put(MessageKind::kValue, [&](ByteWriter& to) {
      to.varint(known.value.value);
      to.varint(known.place);
      to.raw(waiting.bytes_of(known));
    });
  }
  for (const RuleIndex rule : waiting.marks) {
    put(MessageKind::kMark, [&](ByteWriter& to) { to.varint(rule.value); });
  }
  return seal_block(plan_tag(program_), messages);
}
}  // namespace tocsin::cep
