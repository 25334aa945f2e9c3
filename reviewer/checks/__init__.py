"""Every check by the name rule pages use."""

from __future__ import annotations

from collections.abc import Mapping

from reviewer.checks.body_parser import body_parser_before_next
from reviewer.checks.edge_runtime import node_api_in_edge_runtime
from reviewer.checks.express5_query import express5_pages_api_query
from reviewer.checks.express5_wildcard import express5_wildcard_path
from reviewer.checks.hardcoded_dev import custom_server_hardcoded_dev
from reviewer.checks.long_running import long_running_work_in_api_route
from reviewer.checks.middleware_file import middleware_file_not_loaded
from reviewer.checks.redundant_server import redundant_custom_server
from reviewer.checks.route_order import custom_server_route_order
from reviewer.checks.server_on_vercel import custom_server_on_vercel
from reviewer.checks.server_tradeoff import custom_server_tradeoff
from reviewer.checks.standalone import standalone_with_custom_server
from reviewer.checks.start_script import start_script_bypasses_custom_server
from reviewer.checks.streaming import streaming_in_api_route
from reviewer.checks.upgrade_conflict import ws_upgrade_conflict
from reviewer.checks.websocket import websocket_in_api_route
from reviewer.checks.wrappers import per_route_middleware
from reviewer.core.check import Check

CHECKS: Mapping[str, Check] = {
    "middleware_file_not_loaded": middleware_file_not_loaded,
    "node_api_in_edge_runtime": node_api_in_edge_runtime,
    "custom_server_hardcoded_dev": custom_server_hardcoded_dev,
    "custom_server_on_vercel": custom_server_on_vercel,
    "custom_server_tradeoff": custom_server_tradeoff,
    "body_parser_before_next": body_parser_before_next,
    "custom_server_route_order": custom_server_route_order,
    "express5_pages_api_query": express5_pages_api_query,
    "express5_wildcard_path": express5_wildcard_path,
    "long_running_work_in_api_route": long_running_work_in_api_route,
    "per_route_middleware": per_route_middleware,
    "redundant_custom_server": redundant_custom_server,
    "standalone_with_custom_server": standalone_with_custom_server,
    "start_script_bypasses_custom_server": start_script_bypasses_custom_server,
    "streaming_in_api_route": streaming_in_api_route,
    "websocket_in_api_route": websocket_in_api_route,
    "ws_upgrade_conflict": ws_upgrade_conflict,
}
