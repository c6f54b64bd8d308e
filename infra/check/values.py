"""Compares literal values in Terraform with what AWS accepts, by botocore's models of its services; finds doors that are open to all.

Usage: values.py FOLDER SCHEMA_JSON. Prints a JSON list of {"file", "what"}. Knows nothing of how modules fit together.
"""

import json
import pathlib
import sys

import botocore.session
import hcl2

# Resource, attribute (through blocks, with dots), and the shape of botocore that lists its values.
VALUES = {
    "aws_appautoscaling_policy": {
        "policy_type": "application-autoscaling PolicyType",
        "service_namespace": "application-autoscaling ServiceNamespace",
        "scalable_dimension": "application-autoscaling ScalableDimension",
        "target_tracking_scaling_policy_configuration.customized_metric_specification.statistic": "application-autoscaling MetricStatistic",
    },
    "aws_appautoscaling_target": {
        "service_namespace": "application-autoscaling ServiceNamespace",
        "scalable_dimension": "application-autoscaling ScalableDimension",
    },
    "aws_cloudwatch_metric_alarm": {
        "comparison_operator": "cloudwatch ComparisonOperator",
        "statistic": "cloudwatch Statistic",
    },
    "aws_ebs_volume": {"type": "ec2 VolumeType"},
    "aws_ecs_cluster": {"setting.name": "ecs ClusterSettingName"},
    "aws_ecs_service": {
        "launch_type": "ecs LaunchType",
        "availability_zone_rebalancing": "ecs AvailabilityZoneRebalancing",
        "propagate_tags": "ecs PropagateTags",
    },
    "aws_ecs_task_definition": {
        "network_mode": "ecs NetworkMode",
        "requires_compatibilities": "ecs Compatibility",
        "runtime_platform.cpu_architecture": "ecs CPUArchitecture",
        "runtime_platform.operating_system_family": "ecs OSFamily",
    },
    "aws_eip": {"domain": "ec2 DomainType"},
    "aws_flow_log": {
        "traffic_type": "ec2 TrafficType",
        "log_destination_type": "ec2 LogDestinationType",
    },
    "aws_instance": {
        "metadata_options.http_tokens": "ec2 HttpTokensState",
        "metadata_options.http_endpoint": "ec2 InstanceMetadataEndpointState",
        "root_block_device.volume_type": "ec2 VolumeType",
    },
    "aws_lb": {"load_balancer_type": "elbv2 LoadBalancerTypeEnum"},
    "aws_lb_listener": {
        "protocol": "elbv2 ProtocolEnum",
        "default_action.type": "elbv2 ActionTypeEnum",
    },
    "aws_lb_target_group": {
        "protocol": "elbv2 ProtocolEnum",
        "target_type": "elbv2 TargetTypeEnum",
        "health_check.protocol": "elbv2 ProtocolEnum",
    },
    "aws_route53_health_check": {"type": "route53 HealthCheckType"},
    "aws_route53_record": {"type": "route53 RRType"},
    "aws_service_discovery_service": {
        "dns_config.routing_policy": "servicediscovery RoutingPolicy",
        "dns_config.dns_records.type": "servicediscovery RecordType",
    },
    "aws_vpc_endpoint": {"vpc_endpoint_type": "ec2 VpcEndpointType"},
}

# Not of AWS: regions that Upstash documents for `region = "global"`.
UPSTASH = {
    "upstash_redis_database": {
        "region": ["global"],
        "primary_region": [
            "us-east-1", "us-west-1", "us-west-2", "eu-central-1", "eu-west-1", "sa-east-1", "ap-southeast-1", "ap-southeast-2",
        ],
    },
}

# checkov knows single ports, and not a rule for all of them.
DOORS = ["cidr_ipv4", "cidr_ipv6", "cidr_blocks", "ipv6_cidr_blocks"]
EVERYBODY = ["0.0.0.0/0", "::/0"]


def accepted(session, shape):
    service, name = shape.split(" ")
    model = session.get_service_model(service)
    return model.shape_for(name).enum


def literals(block, path):
    """Values of an attribute; what is computed (${...}) is nobody's business here."""
    if isinstance(block, list):
        for one in block:
            yield from literals(one, path)
    elif path and isinstance(block, dict):
        if path[0] in block:
            yield from literals(block[path[0]], path[1:])
        for dynamic in block.get("dynamic", []):
            if path[0] in dynamic:
                yield from literals(dynamic[path[0]].get("content", []), path[1:])
    elif not path and isinstance(block, str) and "${" not in block:
        yield block


def findings(session, schema, document):
    for entry in document.get("resource", []):
        for kind, named in entry.items():
            for name, block in named.items():
                values = {path: accepted(session, shape) for path, shape in VALUES.get(kind, {}).items()}
                for path, allowed in {**values, **UPSTASH.get(kind, {})}.items():
                    for value in literals(block, path.split(".")):
                        if value not in allowed:
                            yield f"{kind}.{name}: {path} is '{value}'; allowed: {', '.join(allowed)}"
                for door in [block] if kind == "aws_vpc_security_group_ingress_rule" else block.get("ingress", []):
                    for path in DOORS:
                        for value in literals(door, [path]):
                            if value in EVERYBODY:
                                yield f"{kind}.{name}: {path} is {value}, open to all; say in a variable who may come in"
                known = schema["resources"].get(kind, {"attributes": {}})["attributes"]
                if "region" in known and "region" not in block:
                    yield f"{kind}.{name}: region is missing, it would be made in the provider's own"


def main(folder, schema_file):
    session = botocore.session.get_session()
    schema = json.loads(pathlib.Path(schema_file).read_text())
    # A model that has lost a shape, or its values, must not go unnoticed.
    for shapes in VALUES.values():
        for shape in shapes.values():
            if not accepted(session, shape):
                raise SystemExit(f"botocore has no values for {shape}")
    root = pathlib.Path(folder)
    found = []
    for path in sorted(root.rglob("*.tf")):
        with path.open() as file:
            document = hcl2.load(file)
        found += [{"file": str(path.relative_to(root)), "what": what} for what in findings(session, schema, document)]
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
