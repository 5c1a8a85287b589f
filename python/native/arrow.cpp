#include "arrow.h"

#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>

#include <algorithm>
#include <stdexcept>

#include "errors.h"

namespace nb = nanobind;

namespace tocsin::python {
namespace {
// What the capsule holds, which is left released there.
template <typename T>
T taken_from(const nb::capsule& capsule, const char* name) {
  if (capsule.name() == nullptr || std::string(capsule.name()) != name) {
    throw nb::type_error((std::string("this is no capsule of ") + name).c_str());
  }
  T* const held = static_cast<T*>(capsule.data(name));
  if (held->release == nullptr) {
    throw nb::value_error((std::string("the capsule of ") + name + " was used before").c_str());
  }
  const T taken = *held;
  held->release = nullptr;
  return taken;
}
}  // namespace

Batches::Batches(nb::capsule stream)
    : stream_(taken_from<ArrowArrayStream>(stream, "arrow_array_stream")) {
  int failed = 0;
  {
    const nb::gil_scoped_release without_lock;
    failed = stream_.get_schema(&stream_, &schema_);
  }
  if (failed != 0) {
    const char* const why = stream_.get_last_error(&stream_);
    const std::string text = why != nullptr ? why : "the table's schema cannot be read";
    stream_.release(&stream_);
    throw std::runtime_error(text);
  }
}

Batches::Batches(nb::capsule schema, nb::capsule array) : is_single_(true) {
  schema_ = taken_from<ArrowSchema>(schema, "arrow_schema");
  array_ = taken_from<ArrowArray>(array, "arrow_array");
}

Batches::~Batches() {
  release_array();
  if (schema_.release != nullptr) schema_.release(&schema_);
  if (stream_.release != nullptr) stream_.release(&stream_);
}

void Batches::release_array() {
  if (array_.release != nullptr) array_.release(&array_);
  array_ = {};
}

bool Batches::next() {
  if (is_over_) return false;
  if (is_single_) {
    is_over_ = true;
    return true;
  }
  release_array();
  int failed = 0;
  {
    const nb::gil_scoped_release without_lock;
    failed = stream_.get_next(&stream_, &array_);
  }
  if (failed != 0) {
    is_over_ = true;
    const char* const why = stream_.get_last_error(&stream_);
    throw std::runtime_error(why != nullptr ? why : "the table's next rows cannot be read");
  }
  is_over_ = array_.release == nullptr;
  return !is_over_;
}

nb::list Batches::columns() const {
  nb::list names;
  for (std::int64_t i = 0; i < schema_.n_children; ++i) {
    const char* const name = schema_.children[i]->name;
    names.append(nb::str(name != nullptr ? name : ""));
  }
  return names;
}

std::pair<std::int64_t, nb::object> Batches::push(Run& run, std::uint32_t source,
                                                  const std::string& type, std::int64_t first,
                                                  std::int64_t most) {
  // The same memory with fewer rows: the library only reads it.
  ArrowArray part = array_;
  part.length = std::min(array_.length, first + most);
  std::int64_t taken = 0;
  const Outcome outcome = call([&](tocsin_error** error) {
    return tocsin_run_push_arrow(run.get(), source, type.c_str(), &schema_, &part, first, &taken,
                                 error);
  });
  if (outcome.status == TOCSIN_LIMIT && first + taken < part.length) {
    return {taken, nb::str(tocsin_error_message(outcome.error.get()))};
  }
  if (outcome.status != TOCSIN_OK) raise_failure(outcome);
  return {taken, nb::none()};
}

void bind_arrow(nb::module_& module) {
  nb::class_<Batches>(module, "Batches")
      .def(nb::init<nb::capsule>(), nb::arg("stream"))
      .def(nb::init<nb::capsule, nb::capsule>(), nb::arg("schema"), nb::arg("array"))
      .def("next", &Batches::next)
      .def("rows", &Batches::rows)
      .def("columns", &Batches::columns)
      .def("push", &Batches::push, nb::arg("run"), nb::arg("source"), nb::arg("type"),
           nb::arg("first"), nb::arg("most"));
}
}  // namespace tocsin::python
