extension LaunchCommand.Launcher {
    /// The flags of a launcher, or `nil` where it has too many to list.
    ///
    /// Sources: `deepspeed/launcher/runner.py` of DeepSpeed 0.16 and `torch/distributed/run.py` of
    /// PyTorch 2.8, with underscores for dashes.
    var flags: Set<String>? {
        switch self {
        case .deepspeed:
            [
                "hostfile", "include", "exclude", "i", "e", "h", "num_nodes", "num_gpus",
                "num_accelerators", "min_elastic_nodes", "max_elastic_nodes", "master_port",
                "master_addr", "node_rank", "launcher", "launcher_args", "module", "no_python",
                "no_local_rank", "no_ssh", "no_ssh_check", "force_multi", "save_pid",
                "enable_each_rank_log", "autotuning", "elastic_training", "bind_cores_to_rank",
                "bind_core_list", "ssh_port", "venv_script",
            ]
        case .torchrun:
            [
                "nnodes", "nproc_per_node", "rdzv_backend", "rdzv_endpoint", "rdzv_id",
                "rdzv_conf", "standalone", "max_restarts", "monitor_interval", "start_method",
                "event_log_handler", "role", "m", "module", "no_python", "run_path", "log_dir", "r",
                "redirects", "t", "tee", "local_ranks_filter", "node_rank", "master_addr",
                "master_port", "local_addr", "logs_specs", "numa_binding", "virtual_local_rank",
                "h", "help",
            ]
        case .accelerate, .mpirun, .srun: nil
        }
    }
}
