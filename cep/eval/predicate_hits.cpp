#include "cep/eval/predicate_hits.h"

#include <array>
#include <bit>

#include "cep/base/prefetch.h"
#include "cep/compile/program.h"
#include "cep/plan/event_type.h"
#include "cep/plan/plan.h"

namespace tocsin::cep {
PredicateHits::PredicateHits(const ProgramImpl& program)
    : program_(program), lists_(program.index->list_count) {}

const PredicateHits::List& PredicateHits::of(std::uint32_t table, std::uint32_t place) const {
  return lists_[program_.index->first_list[table] + place];
}

void PredicateHits::find(const AtomBits& atoms, const Batch& batch,
                         const std::vector<std::uint32_t>& rows_of_type, bool only_alerts) {
  atoms_ = &atoms;
  batch_ = &batch;
  for (std::size_t t = 0; t < rows_of_type.size(); ++t) {
    const EventTypeIndex type(t);
    if (only_alerts && !program_.plan->event_types[t].is_alert()) continue;
    const OfType& index = program_.index->types[t];
    if (index.fields.empty() && index.found.empty()) continue;
    for (const std::uint32_t list : index.lists) {
      lists_[list].hits.clear();
      lists_[list].predicates.clear();
    }
    const std::uint32_t rows = rows_of_type[t];
    columns_.clear();
    for (const PredicateIndex::OfField& field : index.fields) {
      const Column& column = batch.types[t].fields[field.field.value];
      columns_.push_back(column.known.size() < rows ? nullptr : &column);
    }
    type_ = type;
    gather_asked(index, type, rows);
    for (std::uint32_t begin = 0; begin < rows; begin += kBlock) {
      find_of_block(index, begin, std::min(begin + kBlock, rows));
    }
  }
}

void PredicateHits::gather_asked(const OfType& index, EventTypeIndex type, std::uint32_t rows) {
  asked_.clear();
  void_.clear();
  next_asked_ = 0;
  if (rows == 0) return;
  const std::vector<PredicateTarget>& targets = program_.index->targets;
  for (const std::uint32_t group : index.found)
    add_asked(group, atoms_->found(targets[group].atom));
  for (const std::uint32_t list : program_.data->changed_lists()) {
    if (!program_.data->lists[list].entries().is_changed()) continue;
    auto listed = std::lower_bound(index.listed.begin(), index.listed.end(), std::pair(list, 0U));
    for (; listed != index.listed.end() && listed->first == list; ++listed) {
      const std::uint32_t group = listed->second;
      void_.push_back(group);
      words_.assign((rows + 63) / 64, 0);
      for (std::uint32_t entry = 0; entry < rows; ++entry) {
        const bool holds = atoms_->holds(targets[group].atom, type, entry);
        words_[entry / 64] |= std::uint64_t{holds} << (entry % 64);
      }
      add_asked(group, words_);
    }
  }
  std::sort(void_.begin(), void_.end());
  std::sort(asked_.begin(), asked_.end());
}

void PredicateHits::add_asked(std::uint32_t group, const AtomBits::Words& words) {
  for (std::size_t w = 0; w < words.size(); ++w) {
    for (std::uint64_t bits = words[w]; bits != 0; bits &= bits - 1) {
      const std::size_t entry = w * 64 + static_cast<std::size_t>(std::countr_zero(bits));
      asked_.push_back({static_cast<std::uint32_t>(entry), group});
    }
  }
}

// The entries of a block go through the index together, so that they wait for memory together.
void PredicateHits::find_of_block(const OfType& index, std::uint32_t begin, std::uint32_t end) {
  reached_.clear();
  for (std::size_t f = 0; f < columns_.size(); ++f) {
    const Column* const column = columns_[f];
    if (column == nullptr) continue;
    const PredicateIndex::OfField& field = index.fields[f];
    if (!field.values.empty()) reach_by_value(field, *column, begin, end);
    for (std::uint32_t entry = begin; !field.ranges.empty() && entry < end; ++entry) {
      if (column->known[entry] == 0) continue;
      field.ranges.for_each(column->words[entry], [&](std::uint32_t group) {
        reached_.push_back({entry, group});
      });
    }
  }
  for (; next_asked_ < asked_.size() && asked_[next_asked_].entry < end; ++next_asked_) {
    reached_.push_back(asked_[next_asked_]);
  }
  if (reached_.empty()) return;
  std::sort(reached_.begin(), reached_.end());
  for (std::size_t i = 0; i < reached_.size(); ++i) {
    const std::uint32_t entry = reached_[i].entry;
    ask_targets(reached_[i].group, entry);
    const bool is_last = i + 1 == reached_.size() || reached_[i + 1].entry != entry;
    if (is_last && !lists_of_entry_.empty()) close_entry(entry);
  }
}

void PredicateHits::reach_by_value(const PredicateIndex::OfField& field, const Column& column,
                                   std::uint32_t begin, std::uint32_t end) {
  const ValueIndex& values = field.values;
  std::array<std::uint64_t, kBlock> keys;
  std::array<std::uint32_t, kBlock> entries;
  std::uint32_t known = 0;
  for (std::uint32_t entry = begin; entry < end; ++entry) {
    if (column.known[entry] == 0) continue;
    keys[known] = field.is_text ? ValueIndex::key_of(column.texts[entry])
                                : ValueIndex::key_of(column.words[entry]);
    values.prefetch_filter(keys[known]);
    entries[known++] = entry;
  }
  std::uint32_t count = 0;  // of those that the filter lets pass, without a branch
  for (std::uint32_t i = 0; i < known; ++i) {
    keys[count] = keys[i];
    entries[count] = entries[i];
    count += values.may_have(keys[i]) ? 1 : 0;
  }
  for (std::uint32_t i = 0; i < count; ++i) values.prefetch(keys[i]);
  std::array<std::uint32_t, kBlock> places;
  for (std::uint32_t i = 0; i < count; ++i) places[i] = values.find(keys[i]);
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t entry = entries[i];
    for (std::uint32_t place = places[i]; place != ValueIndex::kNowhere;
         place = values.next(place)) {
      if (field.is_text && !values.is_of_text(place, column.texts[entry])) continue;
      reach_group(values, values.group(place), entry);
    }
  }
}

void PredicateHits::reach_group(const ValueIndex& values, const ValueIndex::Group& group,
                                std::uint32_t entry) {
  ++work_;
  if (!admits(group.bound(), entry)) return;
  for (const std::uint32_t number : values.numbers_of(group)) {
    const PredicateTarget* const first = &program_.index->targets[number];
    if (group.is_one == 0 && !admits(first->bound, entry)) return;
    if (is_void(number)) continue;
    tocsin::prefetch(first);
    reached_.push_back({entry, number});
  }
}

bool PredicateHits::admits(const WordBound& bound, std::uint32_t entry) const {
  if (!bound.has_field()) return true;
  const Column& column = batch_->types[type_.value].fields[bound.field()];
  return entry < column.known.size() && column.known[entry] != 0 &&
         bound.admits(column.words[entry]);
}

// The group's atom holds at the entry: which of its predicates do?
void PredicateHits::ask_targets(std::uint32_t group, std::uint32_t entry) {
  for (const PredicateTarget* target = &program_.index->targets[group];; ++target) {
    ++work_;
    if (!admits(target->bound, entry)) return;
    if (holds(*target, entry)) {
      List& list = lists_[target->list];
      if (list.hits.empty() || list.hits.back().entry != entry) {
        const auto begin = static_cast<std::uint32_t>(list.predicates.size());
        list.hits.push_back({entry, begin, begin});
        lists_of_entry_.push_back(target->list);
      }
      list.predicates.push_back(target->predicate);
    }
    if (target->is_last) return;
  }
}

// What its atom and its bound leave open.
bool PredicateHits::holds(const PredicateTarget& target, std::uint32_t entry) const {
  if (target.bound.has_field() &&
      batch_->types[type_.value].fields[target.bound.field()].words[entry] > target.most) {
    return false;
  }
  if (!target.has_more) return true;
  const PredicateIndex::Place& at = program_.index->places[target.list];
  const Predicate& predicate = program_.tables[at.table].predicates[target.predicate];
  return atoms_->holds(predicate.by_type[at.place], type_, entry);
}

// A predicate may have been reached by several ways.
void PredicateHits::close_entry(std::uint32_t entry) {
  for (const std::uint32_t number : lists_of_entry_) {
    List& list = lists_[number];
    Hit& hit = list.hits.back();
    const auto begin = list.predicates.begin() + static_cast<std::ptrdiff_t>(hit.begin);
    std::sort(begin, list.predicates.end());
    list.predicates.erase(std::unique(begin, list.predicates.end()), list.predicates.end());
    hit.end = static_cast<std::uint32_t>(list.predicates.size());
    hit.entry = entry;
  }
  lists_of_entry_.clear();
}
}  // namespace tocsin::cep
