"""Every check by the name rule pages use."""

from __future__ import annotations

from collections.abc import Mapping

from reviewer.checks.after_response import work_after_response
from reviewer.checks.api_only import api_only_next_app
from reviewer.checks.body_parser import body_parser_before_next
from reviewer.checks.edge_runtime import node_api_in_edge_runtime
from reviewer.checks.express5_query import express5_pages_api_query
from reviewer.checks.express5_wildcard import express5_wildcard_path
from reviewer.checks.express_bridge import express_app_in_api_route
from reviewer.checks.hardcoded_dev import custom_server_hardcoded_dev
from reviewer.checks.heavy_import import heavy_import_on_cold_start
from reviewer.checks.long_running import long_running_work_in_api_route
from reviewer.checks.middleware_file import middleware_file_not_loaded
from reviewer.checks.middleware_only import auth_only_in_middleware
from reviewer.checks.missing_wrapper import route_missing_shared_middleware
from reviewer.checks.mixed_auth import mixed_auth_libraries
from reviewer.checks.module_state import in_memory_state_in_api_route
from reviewer.checks.redundant_server import redundant_custom_server
from reviewer.checks.route_order import custom_server_route_order
from reviewer.checks.self_fetch import self_fetch_api_route
from reviewer.checks.server_on_vercel import custom_server_on_vercel
from reviewer.checks.server_tradeoff import custom_server_tradeoff
from reviewer.checks.shared_backend import shared_backend_in_api_routes
from reviewer.checks.standalone import standalone_with_custom_server
from reviewer.checks.start_script import start_script_bypasses_custom_server
from reviewer.checks.streaming import streaming_in_api_route
from reviewer.checks.time_limit import serverless_time_limit
from reviewer.checks.untyped_express import untyped_express
from reviewer.checks.upgrade_conflict import ws_upgrade_conflict
from reviewer.checks.websocket import websocket_in_api_route
from reviewer.checks.wrappers import per_route_middleware
from reviewer.core.check import Check

CHECKS: Mapping[str, Check] = {
    "api_only_next_app": api_only_next_app,
    "auth_only_in_middleware": auth_only_in_middleware,
    "middleware_file_not_loaded": middleware_file_not_loaded,
    "node_api_in_edge_runtime": node_api_in_edge_runtime,
    "custom_server_hardcoded_dev": custom_server_hardcoded_dev,
    "custom_server_on_vercel": custom_server_on_vercel,
    "custom_server_tradeoff": custom_server_tradeoff,
    "body_parser_before_next": body_parser_before_next,
    "custom_server_route_order": custom_server_route_order,
    "express5_pages_api_query": express5_pages_api_query,
    "express5_wildcard_path": express5_wildcard_path,
    "express_app_in_api_route": express_app_in_api_route,
    "heavy_import_on_cold_start": heavy_import_on_cold_start,
    "mixed_auth_libraries": mixed_auth_libraries,
    "in_memory_state_in_api_route": in_memory_state_in_api_route,
    "long_running_work_in_api_route": long_running_work_in_api_route,
    "per_route_middleware": per_route_middleware,
    "redundant_custom_server": redundant_custom_server,
    "shared_backend_in_api_routes": shared_backend_in_api_routes,
    "serverless_time_limit": serverless_time_limit,
    "self_fetch_api_route": self_fetch_api_route,
    "route_missing_shared_middleware": route_missing_shared_middleware,
    "standalone_with_custom_server": standalone_with_custom_server,
    "start_script_bypasses_custom_server": start_script_bypasses_custom_server,
    "untyped_express": untyped_express,
    "streaming_in_api_route": streaming_in_api_route,
    "websocket_in_api_route": websocket_in_api_route,
    "work_after_response": work_after_response,
    "ws_upgrade_conflict": ws_upgrade_conflict,
}
