#include "rules/context/feature_table.h"

#include <algorithm>

#include "cep/base/assert.h"

namespace tocsin::rules {
namespace {
const cep::KeyMember* member_of(const cep::KeyPart& part, cep::EventTypeIndex type) {
  const auto found = std::ranges::find(part.members, type, &cep::KeyMember::type);
  return found == part.members.end() ? nullptr : &*found;
}
}  // namespace

cep::FeatureIndex FeatureTable::add_named(cep::Feature feature, const tree::Unless* unless) {
  features_.push_back(std::move(feature));
  unless_.push_back(unless);
  return cep::FeatureIndex(features_.size() - 1);
}

bool FeatureTable::can_read(const cep::Feature& feature,
                            const std::vector<FeatureReader>& readers) const {
  for (const FeatureReader& reader : readers) {
    for (std::size_t i = 0; i < feature.key.parts.size(); ++i) {
      const cep::KeyMember* member = member_of(feature.key.parts[i], reader.type);
      if (member != nullptr && member->field != reader.fields[i]) return false;
    }
  }
  return true;
}

bool FeatureTable::add_readers(cep::FeatureIndex index, const std::vector<FeatureReader>& readers) {
  cep::Feature& feature = features_[index.value];
  if (!can_read(feature, readers)) return false;
  for (const FeatureReader& reader : readers) {
    if (feature.key.parts.empty() || member_of(feature.key.parts.front(), reader.type)) continue;
    for (std::size_t i = 0; i < feature.key.parts.size(); ++i) {
      std::vector<cep::KeyMember>& members = feature.key.parts[i].members;
      const auto place = std::ranges::upper_bound(members, reader.type, {}, &cep::KeyMember::type);
      members.insert(place, {.type = reader.type, .field = reader.fields[i], .role = {}});
    }
    members_added_.push_back({index, reader.type});
  }
  return true;
}

cep::FeatureIndex FeatureTable::add_unnamed(cep::Feature feature, const std::string& meaning,
                                            const std::vector<FeatureReader>& readers,
                                            const tree::Unless* unless) {
  std::vector<cep::FeatureIndex>& equals = by_meaning_[meaning];
  for (const cep::FeatureIndex index : equals) {
    if (add_readers(index, readers)) return index;
  }
  feature.name = "$" + std::to_string(++unnamed_);
  features_.push_back(std::move(feature));
  unless_.push_back(unless);
  const cep::FeatureIndex index(features_.size() - 1);
  equals.push_back(index);
  meanings_added_.push_back(meaning);
  const bool readable = add_readers(index, readers);
  TOCSIN_ASSERT(readable, "a rule's key has one field in each event type");
  return index;
}

void FeatureTable::begin_rule() {
  features_before_ = features_.size();
  meanings_added_.clear();
  members_added_.clear();
}

void FeatureTable::take_back() {
  for (const MemberAdded& added : members_added_) {
    for (cep::KeyPart& part : features_[added.feature.value].key.parts) {
      std::erase_if(part.members, [&](const cep::KeyMember& m) { return m.type == added.type; });
    }
  }
  for (const std::string& meaning : meanings_added_) by_meaning_[meaning].pop_back();
  unnamed_ -= features_.size() - features_before_;
  features_.resize(features_before_);
  unless_.resize(features_before_);
  begin_rule();
}
}  // namespace tocsin::rules
