/// Tables through the Arrow C data interface, as Python objects hand them over: capsules
/// (https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html).
#pragma once
#include <nanobind/nanobind.h>
#include <tocsin.h>

#include <cstdint>
#include <string>
#include <utility>

#include "run.h"

namespace tocsin::python {
/// The Arrow C stream interface, https://arrow.apache.org/docs/format/CStreamInterface.html.
struct ArrowArrayStream {
  int (*get_schema)(ArrowArrayStream*, ArrowSchema* out);
  int (*get_next)(ArrowArrayStream*, ArrowArray* out);
  const char* (*get_last_error)(ArrowArrayStream*);
  void (*release)(ArrowArrayStream*);
  void* private_data;
};

/// The record batches of one object, one after the other. Releases all that it was given.
class Batches {
 public:
  /// Of a capsule that `__arrow_c_stream__()` gave, whose stream it takes over.
  explicit Batches(nanobind::capsule stream);
  /// Of the two capsules that `__arrow_c_array__()` gave: one batch.
  Batches(nanobind::capsule schema, nanobind::capsule array);
  ~Batches();
  Batches(const Batches&) = delete;
  Batches& operator=(const Batches&) = delete;

  /// Whether there is another batch; then it is the one that push() and rows() are about.
  bool next();
  std::int64_t rows() const { return array_.length; }
  /// The names of the columns.
  nanobind::list columns() const;
  /// tocsin_run_push_arrow() of at most `most` rows from `first` on: how many were taken, and why
  /// not all of those, or None.
  std::pair<std::int64_t, nanobind::object> push(Run& run, std::uint32_t source,
                                                 const std::string& type, std::int64_t first,
                                                 std::int64_t most);

 private:
  void release_array();

  ArrowArrayStream stream_ = {};
  ArrowSchema schema_ = {};
  ArrowArray array_ = {};
  bool is_single_ = false;  // an array, not a stream
  bool is_over_ = false;
};
void bind_arrow(nanobind::module_& module);
}  // namespace tocsin::python
