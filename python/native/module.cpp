// tocsin._native: the C interface (include/tocsin.h) as Python classes. What users call is written
// in Python, over this.
#include <nanobind/nanobind.h>
#include <tocsin.h>

#include "arrow.h"
#include "pack.h"
#include "run.h"

NB_MODULE(_native, module) {
  nanobind::set_leak_warnings(false);  // interpreters end with objects alive, as in notebooks
  module.def("version", &tocsin_version);
  module.attr("ALERTS") = static_cast<int>(TOCSIN_ALERTS);
  module.attr("LATE") = static_cast<int>(TOCSIN_LATE);
  module.attr("REJECTED") = static_cast<int>(TOCSIN_REJECTED);
  tocsin::python::bind_pack(module);
  tocsin::python::bind_run(module);
  tocsin::python::bind_arrow(module);
}
