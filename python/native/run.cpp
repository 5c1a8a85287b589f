#include "run.h"

#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>

#include <algorithm>

#include "errors.h"

namespace nb = nanobind;

namespace tocsin::python {
Run::Run(const Pack& pack, const std::string& options) {
  tocsin_run* run = nullptr;
  call_or_raise([&](tocsin_error** error) {
    return tocsin_run_open(pack.get(), options.c_str(), &run, error);
  });
  run_.reset(run);
}

std::uint32_t Run::source(const std::string& name) {
  std::uint32_t source = 0;
  call_or_raise([&](tocsin_error** error) {
    return tocsin_run_source(run_.get(), name.c_str(), &source, error);
  });
  return source;
}

std::pair<std::size_t, nb::object> Run::push(std::uint32_t source, nb::bytes data,
                                             std::size_t begin, std::size_t most) {
  begin = std::min(begin, data.size());
  const char* const first = data.c_str() + begin;
  const std::size_t size = std::min(most, data.size() - begin);
  std::size_t taken = 0;
  const Outcome outcome = call([&](tocsin_error** error) {
    return tocsin_run_push(run_.get(), source, first, size, &taken, error);
  });
  if (outcome.status == TOCSIN_LIMIT && taken < size) {
    return {taken, nb::str(tocsin_error_message(outcome.error.get()))};
  }
  if (outcome.status != TOCSIN_OK) raise_failure(outcome);
  return {taken, nb::none()};
}

void Run::end_source(std::uint32_t source) {
  call_or_raise(
      [&](tocsin_error** error) { return tocsin_run_end_source(run_.get(), source, error); });
}

void Run::set_clock(std::int64_t now_us) {
  call_or_raise(
      [&](tocsin_error** error) { return tocsin_run_set_clock(run_.get(), now_us, error); });
}

void Run::advance(std::int64_t watermark_us) {
  call_or_raise(
      [&](tocsin_error** error) { return tocsin_run_advance(run_.get(), watermark_us, error); });
}

void Run::finish(bool end_of_time) {
  call_or_raise([&](tocsin_error** error) {
    return tocsin_run_finish(run_.get(), end_of_time ? 1 : 0, error);
  });
}

nb::bytes Run::take(int output) {
  return text_of([&](tocsin_buffer* lines, tocsin_error** error) {
    return tocsin_run_take(run_.get(), output, lines, error);
  });
}

std::int64_t Run::watermark() {
  std::int64_t watermark_us = 0;
  call_or_raise(
      [&](tocsin_error** error) { return tocsin_run_watermark(run_.get(), &watermark_us, error); });
  return watermark_us;
}

nb::bytes Run::statistics() {
  const BufferPointer json = new_buffer();
  call_or_raise(
      [&](tocsin_error** error) { return tocsin_run_statistics(run_.get(), json.get(), error); });
  return bytes_of(json);
}

void bind_run(nb::module_& module) {
  nb::class_<Run>(module, "Run")
      .def(nb::init<const Pack&, const std::string&>(), nb::arg("pack"), nb::arg("options"))
      .def("source", &Run::source, nb::arg("name"))
      .def("push", &Run::push, nb::arg("source"), nb::arg("data"), nb::arg("begin"),
           nb::arg("most"))
      .def("end_source", &Run::end_source, nb::arg("source"))
      .def("set_clock", &Run::set_clock, nb::arg("now_us"))
      .def("advance", &Run::advance, nb::arg("watermark_us"))
      .def("finish", &Run::finish, nb::arg("end_of_time"))
      .def("take", &Run::take, nb::arg("output"))
      .def("watermark", &Run::watermark)
      .def("statistics", &Run::statistics);
}
}  // namespace tocsin::python
