#include "Shim.hpp"

namespace {

apus_engine make_table() {
    apus::start_process();
    apus_engine table{};
    table.abi_version = APUS_ENGINE_ABI;
    table.struct_size = int32_t(sizeof(apus_engine));
    apus::install_process(table);
    apus::install_tensors(table);
    apus::install_operations(table);
    apus::install_products(table);
    apus::install_rows(table);
    apus::install_head(table);
    apus::install_training(table);
    apus::install_collectives(table);
    return table;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) const apus_engine *apus_engine_get(void) {
    static const apus_engine table = make_table();
    return &table;
}
