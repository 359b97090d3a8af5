// The parts of the shim; each fills in its share of the table.
#pragma once

#include "apus_engine.h"

namespace apus {

// Sets up allocation, denormals and the last words of a crash; called once, before any tensor.
void start_process();

void install_process(apus_engine &table);
void install_tensors(apus_engine &table);
void install_operations(apus_engine &table);
void install_products(apus_engine &table);
void install_rows(apus_engine &table);
void install_head(apus_engine &table);
void install_training(apus_engine &table);
void install_collectives(apus_engine &table);

}  // namespace apus
