#include "cep/match/predicate_hits.h"

#include <algorithm>
#include <bit>

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
    gather_asked(index, type, rows);
    for (std::uint32_t entry = 0; entry < rows; ++entry) find_of_entry(index, type, entry);
  }
}

// What the index by values cannot tell.
void PredicateHits::gather_asked(const OfType& index, EventTypeIndex type, std::uint32_t rows) {
  asked_.clear();
  changed_.clear();
  next_asked_ = 0;
  const auto add = [&](std::uint32_t atom, const AtomBits::Words& words) {
    for (std::size_t w = 0; w < words.size(); ++w) {
      for (std::uint64_t bits = words[w]; bits != 0; bits &= bits - 1) {
        asked_.emplace_back(w * 64 + static_cast<std::size_t>(std::countr_zero(bits)), atom);
      }
    }
  };
  if (rows == 0) return;
  for (const std::uint32_t atom : index.found) add(atom, atoms_->found(atom));
  for (const std::uint32_t atom : index.listed) {
    if (!atoms_->is_changed(atom)) continue;
    changed_.push_back(atom);
    words_.assign((rows + 63) / 64, 0);
    for (std::uint32_t entry = 0; entry < rows; ++entry) {
      if (atoms_->holds(atom, type, entry)) words_[entry / 64] |= std::uint64_t{1} << (entry % 64);
    }
    add(atom, words_);
  }
  std::sort(asked_.begin(), asked_.end());
}

void PredicateHits::find_of_entry(const OfType& index, EventTypeIndex type, std::uint32_t entry) {
  for (std::size_t f = 0; f < columns_.size(); ++f) {
    const Column* const column = columns_[f];
    if (column == nullptr || column->known[entry] == 0) continue;
    const PredicateIndex::OfField& field = index.fields[f];
    const auto by_value = field.is_text ? field.values.of_text(column->texts[entry])
                                        : field.values.of_word(column->words[entry]);
    for (const std::uint32_t atom : by_value) {
      const bool is_void =
          !changed_.empty() && std::binary_search(changed_.begin(), changed_.end(), atom);
      if (!is_void) ask_targets(atom, type, entry);
    }
    if (field.ranges.empty()) continue;
    field.ranges.for_each(column->words[entry],
                          [&](std::uint32_t atom) { ask_targets(atom, type, entry); });
  }
  for (; next_asked_ < asked_.size() && asked_[next_asked_].first == entry; ++next_asked_) {
    ask_targets(asked_[next_asked_].second, type, entry);
  }
  if (!lists_of_entry_.empty()) close_entry(entry);
}

// The atom holds at the entry: which of the predicates that are reached through it do?
void PredicateHits::ask_targets(std::uint32_t atom, EventTypeIndex type, std::uint32_t entry) {
  const PredicateIndex& index = *program_.index;
  for (const PredicateTarget& target : index.targets_of(atom)) {
    ++work_;
    bool holds = true;
    for (std::uint32_t i = target.ranges_begin; holds && i < target.ranges_end; ++i) {
      const RequiredRange& range = index.ranges[i];
      const Column& column = batch_->types[type.value].fields[range.field.value];
      holds = entry < column.known.size() && column.known[entry] != 0 &&
              range.low <= column.words[entry] && column.words[entry] <= range.high;
    }
    if (!holds) continue;
    if (target.has_more) {
      const Predicate& predicate = program_.tables[target.table].predicates[target.predicate];
      if (!atoms_->holds(predicate.by_type[target.place], type, entry)) continue;
    }
    List& list = lists_[target.list];
    if (list.hits.empty() || list.hits.back().entry != entry) {
      const auto begin = static_cast<std::uint32_t>(list.predicates.size());
      list.hits.push_back({entry, begin, begin});
      lists_of_entry_.push_back(target.list);
    }
    list.predicates.push_back(target.predicate);
  }
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
