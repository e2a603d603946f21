"""A healthy deployment in the stand-in cloud, made from the templates themselves; tests then break one thing of it.

What the stand-in's services do not take from CloudFormation is put through their own APIs, with the properties that the
resolved templates have. Names of what SAM makes of a function (``…Aliaslive``, ``…EveryMinute``) are those that SAM's
translator writes. Times: the objects of the lake are put now, hours are counted back from now.
"""

import base64
import io
import json
import re
import time
import zipfile
from functools import cache
from typing import Any

import sqlglot
from static.deployed import ACCOUNT, MADE, STACK, Deployed

from doctored.documents import documents, text
from doctored.history import History
from doctored.names import BUCKET, DATABASE, PARAMETERS, REFRESH, REGION, RULE, TOPIC, TRANSFORM, function_arn
from workbench.cloud import LocalCloud
from workbench.doctor.views import expected_views


class Policy:
    """The bucket's policy, answered in moto's place: moto refuses every call where a policy has conditions.

    ``text`` None: moto answers that there is none.
    """

    def __init__(self) -> None:
        self.text: str | None = None

    def around(self, application: Any) -> Any:
        """Given to `LocalCloud`."""

        def answer(environ: dict[str, Any], start_response: Any) -> Any:
            asked = (environ["REQUEST_METHOD"], environ["PATH_INFO"], environ["QUERY_STRING"].rstrip("="))
            if self.text is None or asked != ("GET", f"/{BUCKET}", "policy"):
                return application(environ, start_response)
            start_response("200 OK", [("Content-Type", "application/json")])
            return [self.text.encode()]

        return answer


class DeployedCloud(History):
    """The deployment, and the clients of its account."""

    def __init__(self, cloud: LocalCloud, policy: Policy) -> None:
        self.cloud, self.policy = cloud, policy
        assumed = cloud.client("sts").assume_role(
            RoleArn=f"arn:aws:iam::{ACCOUNT}:role/operator", RoleSessionName="you"
        )
        told = assumed["Credentials"]
        self.credentials = {
            "aws_access_key_id": told["AccessKeyId"],
            "aws_secret_access_key": told["SecretAccessKey"],
            "aws_session_token": told["SessionToken"],
        }
        self.client = cache(lambda service, region=None: cloud.client(service, region or REGION, **self.credentials))
        self.now = time.time()
        made = {
            **MADE,
            "DeliveryStream": STACK,
            "RefreshFunction.Alias": function_arn(REFRESH),
            "TransformFunction.Alias": function_arn(TRANSFORM),
            "DeploymentFunction.Alias": function_arn(f"{STACK}-deployment"),
            "StreamLogGroup": f"/aws/kinesisfirehose/{STACK}",
            "StreamLog": "delivery",
            "StreamRole.Arn": f"arn:aws:iam::{ACCOUNT}:role/{STACK}-StreamRole",
        }
        self.main = Deployed("template.yaml", PARAMETERS, made)
        nested = {"Database": DATABASE, "Topic": TOPIC, "WorkGroup": STACK}
        self.nested = {
            name: Deployed(told["TemplateURL"], told["Parameters"], nested)
            for name, told in self.main.of_type("AWS::CloudFormation::Stack").items()
        }
        self.documents: dict[str, Any] = documents(self.main, self.nested)
        self.deploy()

    def deploy(self) -> None:
        """Make everything."""
        for make in (
            self.make_bucket,
            self.make_roles,
            self.make_functions,
            self.make_schedules,
            self.make_stream,
            self.make_catalog,
            self.make_views,
            self.make_work_group,
            self.make_alarms,
            self.make_hours,
            self.publish,
            self.tell,
        ):
            make()

    # ---- What CloudFormation and EC2 tell ----

    def tell(self) -> None:
        """Makes what `documents` says what EC2 and CloudFormation tell."""
        self.cloud.replace_inventory(self.documents, account_id=ACCOUNT, region=REGION)

    # ---- What is deployed ----

    def make_bucket(self) -> None:
        """The lake's bucket and its settings."""
        s3 = self.client("s3")
        told = self.main.properties("LakeBucket")
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        self.block_public()
        s3.put_bucket_lifecycle_configuration(
            Bucket=BUCKET,
            LifecycleConfiguration={"Rules": [_rule(rule) for rule in told["LifecycleConfiguration"]["Rules"]]},
        )
        self.set_policy()

    def block_public(self) -> None:
        """As the template has it."""
        blocked = self.main.properties("LakeBucket")["PublicAccessBlockConfiguration"]
        self.client("s3").put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=blocked)

    def set_policy(self) -> None:
        """As the template has it."""
        self.policy.text = json.dumps(self.main.properties("LakeBucketPolicy")["PolicyDocument"])

    def make_roles(self) -> None:
        """Every role, with its own policies."""
        iam = self.client("iam")
        for deployed in (self.main, *self.nested.values()):
            for logical, told in deployed.of_type("AWS::IAM::Role").items():
                name = f"{STACK}-{logical}"
                iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(told["AssumeRolePolicyDocument"]))
                for policy in told.get("Policies", ()):
                    self.allow(name, policy["PolicyName"], policy["PolicyDocument"])

    def allow(self, role: str, name: str, document: dict[str, Any]) -> None:
        """A role's inline policy; what only a deployment could name gets an ARN."""
        text = re.sub(r"<([\w.]+)>", rf"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:\1", json.dumps(document))
        self.client("iam").put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=text)

    def make_functions(self) -> None:
        """The three functions and their aliases."""
        for logical, told in self.main.of_type("AWS::Serverless::Function").items():
            self.make_function(logical, told)

    def make_function(self, logical: str, told: dict[str, Any], **changed: Any) -> None:
        """One function, published behind its alias, some properties changed."""
        name, lambdas = told["FunctionName"], self.client("lambda")
        lambdas.create_function(
            FunctionName=name,
            Role=f"arn:aws:iam::{ACCOUNT}:role/{STACK}-{logical.replace('Function', 'Role')}",
            Handler=told["Handler"],
            Code={"ZipFile": _code()},
            Publish=True,
            **{
                "Runtime": told["Runtime"],
                "Architectures": told["Architectures"],
                "MemorySize": int(told["MemorySize"]),
                "Timeout": told["Timeout"],
                "Environment": {"Variables": self.variables(logical)},
                **changed,
            },
        )
        lambdas.create_alias(FunctionName=name, Name="live", FunctionVersion="1")

    def variables(self, logical: str) -> dict[str, str]:
        """A function's variables as the template has them."""
        told = self.main.properties(logical).get("Environment", {}).get("Variables", {})
        return {name: text(value) for name, value in told.items()}

    def replace_function(self, logical: str, **changed: Any) -> None:
        """The function anew, with other properties."""
        told = self.main.properties(logical)
        self.client("lambda").delete_function(FunctionName=told["FunctionName"])
        self.make_function(logical, told, **changed)

    def make_schedules(self) -> None:
        """The refresher's rule, the compaction's job and trigger, the crawler."""
        events, glue, jobs = self.client("events"), self.client("glue"), self.nested["Jobs"]
        schedule = self.main.properties("RefreshFunction")["Events"]["EveryMinute"]["Properties"]["Schedule"]
        events.put_rule(Name=RULE, ScheduleExpression=schedule, State="ENABLED")
        events.put_targets(Rule=RULE, Targets=[{"Id": "refresh", "Arn": function_arn(REFRESH)}])
        job, trigger = jobs.properties("CompactJob"), jobs.properties("EveryHour")
        glue.create_job(Name=job["Name"], Role="role", Command=job["Command"])
        glue.create_trigger(
            Name=trigger["Name"],
            Type=trigger["Type"],
            Schedule=trigger["Schedule"],
            Actions=[{"JobName": job["Name"]}],
            StartOnCreation=trigger["StartOnCreation"],
        )

    def make_stream(self, **changed: Any) -> None:
        """The delivery stream, some members of its destination changed."""
        (told,) = self.main.of_type("AWS::KinesisFirehose::DeliveryStream").values()
        self.client("firehose").create_delivery_stream(
            DeliveryStreamName=told["DeliveryStreamName"],
            DeliveryStreamType=told["DeliveryStreamType"],
            ExtendedS3DestinationConfiguration=self.destination() | changed,
            Tags=told["Tags"],
        )

    def destination(self) -> dict[str, Any]:
        """The stream's destination as the template has it."""
        (told,) = self.main.of_type("AWS::KinesisFirehose::DeliveryStream").values()
        found: dict[str, Any] = json.loads(json.dumps(told["ExtendedS3DestinationConfiguration"]))
        return found

    def replace_stream(self, **changed: Any) -> None:
        """The stream anew, with another destination."""
        self.client("firehose").delete_delivery_stream(DeliveryStreamName=STACK)
        self.make_stream(**changed)

    def processing(self, **parameters: str) -> dict[str, Any]:
        """The stream's ProcessingConfiguration with some parameters changed."""
        told = self.destination()["ProcessingConfiguration"]
        for parameter in told["Processors"][0]["Parameters"]:
            parameter["ParameterValue"] = parameters.get(parameter["ParameterName"], parameter["ParameterValue"])
        return told

    def make_catalog(self) -> None:
        """Database and tables."""
        glue, catalog = self.client("glue"), self.nested["Catalog"]
        glue.create_database(DatabaseInput={"Name": DATABASE})
        for told in catalog.of_type("AWS::Glue::Table").values():
            glue.create_table(DatabaseName=DATABASE, TableInput=told["TableInput"])

    def make_views(self) -> None:
        """The views as Athena keeps them: in another writing of the same statement, without comments."""
        for name, sql in expected_views().items():
            self.make_view(name, sql)

    def make_view(self, name: str, sql: str) -> None:
        """One view."""
        parsed = sqlglot.parse_one(sql, read="athena").expression
        written = parsed.sql(dialect="athena", comments=False, pretty=True, normalize=True)
        stored = base64.b64encode(json.dumps({"originalSql": written, "catalog": "awsdatacatalog"}).encode()).decode()
        table = {
            "Name": name,
            "TableType": "VIRTUAL_VIEW",
            "ViewOriginalText": f"/* Presto View: {stored} */",
            "ViewExpandedText": "/* Presto View */",
            "Parameters": {"presto_view": "true", "comment": "Presto View"},
        }
        self.client("glue").create_table(DatabaseName=DATABASE, TableInput=table)

    def replace_view(self, name: str, sql: str) -> None:
        """The view anew, with another statement."""
        self.client("glue").delete_table(DatabaseName=DATABASE, Name=name)
        self.make_view(name, sql)

    def make_work_group(self, **changed: Any) -> None:
        """The workgroup, some of its configuration changed."""
        (told,) = self.nested["Analysis"].of_type("AWS::Athena::WorkGroup").values()
        configuration = {
            **told["WorkGroupConfiguration"],
            "BytesScannedCutoffPerQuery": int(told["WorkGroupConfiguration"]["BytesScannedCutoffPerQuery"]),
            **changed,
        }
        kept = {name: value for name, value in configuration.items() if value is not None}
        self.client("athena").create_work_group(Name=told["Name"], Configuration=kept)

    def replace_work_group(self, **changed: Any) -> None:
        """The workgroup anew."""
        self.client("athena").delete_work_group(WorkGroup=STACK, RecursiveDeleteOption=True)
        self.make_work_group(**changed)

    def make_alarms(self) -> None:
        """Topic, subscription and alarms; of these the name and whom they tell, not what they watch."""
        sns, monitoring = self.client("sns"), self.nested["Monitoring"]
        sns.create_topic(Name=TOPIC.rpartition(":")[2])
        self.subscribe()
        for told in monitoring.of_type("AWS::CloudWatch::Alarm").values():
            self.make_alarm(told["AlarmName"])

    def subscribe(self) -> None:
        """The mail address that the stack was given."""
        self.client("sns").subscribe(TopicArn=TOPIC, Protocol="email", Endpoint=PARAMETERS["AlarmEmail"])

    def make_alarm(self, name: str, **changed: Any) -> None:
        """One alarm."""
        (told,) = (
            told
            for told in self.nested["Monitoring"].of_type("AWS::CloudWatch::Alarm").values()
            if told["AlarmName"] == name
        )
        self.client("cloudwatch").put_metric_alarm(
            AlarmName=name,
            AlarmDescription=told["AlarmDescription"],
            AlarmActions=told["AlarmActions"],
            MetricName="Any",
            Namespace="VpcFlowLogEnrichment",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanOrEqualToThreshold",
            **changed,
        )


def _rule(told: dict[str, Any]) -> dict[str, Any]:
    """A lifecycle rule as S3's API has it."""
    rule = {"ID": told["Id"], "Status": told["Status"], "Filter": {"Prefix": told.get("Prefix", "")}}
    if "ExpirationInDays" in told:
        rule["Expiration"] = {"Days": int(told["ExpirationInDays"])}
    if "AbortIncompleteMultipartUpload" in told:
        rule["AbortIncompleteMultipartUpload"] = told["AbortIncompleteMultipartUpload"]
    return rule


@cache
def _code() -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        archive.writestr("a.py", "x")
    return body.getvalue()
