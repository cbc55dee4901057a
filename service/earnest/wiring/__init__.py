"""The only place that builds things and opens keys: settings go in, a service that runs comes out."""

from earnest.wiring.opening import (
    NodeUnreachable,
    NoEndpoint,
    NoOperatorKey,
    NotDeployed,
    SecretKeyMissing,
    check_chain,
    open_database,
    open_rpc,
    open_secret_box,
    open_secret_keys,
    open_signer,
    reach_node,
    recorded_deployment,
    wall_clock,
)
from earnest.wiring.parts import Job, Parts
from earnest.wiring.service import Jobs, Service, build_jobs, build_service

__all__ = [
    "Job",
    "Jobs",
    "NoEndpoint",
    "NoOperatorKey",
    "NodeUnreachable",
    "NotDeployed",
    "Parts",
    "SecretKeyMissing",
    "Service",
    "build_jobs",
    "build_service",
    "check_chain",
    "open_database",
    "open_rpc",
    "open_secret_box",
    "open_secret_keys",
    "open_signer",
    "reach_node",
    "recorded_deployment",
    "wall_clock",
]
