/// Features as they are read where an event is kept or a condition is evaluated.
#pragma once
#include "cep/base/index.h"
#include "cep/value/value.h"

namespace tocsin::cep {
/// Reads features as of the current event.
class FeatureReader {
 public:
  virtual ~FeatureReader() = default;
  /// The value that ProgramImpl::value_of names, valid until the next read.
  virtual const Value& read(FeatureIndex value) = 0;
};
}  // namespace tocsin::cep
