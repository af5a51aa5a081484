"""What the places of the tests are opened with, and an S3 server."""

import socket
import time
import uuid

KEY_ID, KEY = "AKIAOFTHETESTS00", "s3cr3t+key/of-the-tests"
PASSWORD = "0pen-sesame-0f-the-tests"


def listens(process, port, log, seconds):
    """Wait until a process listens on a port of loopback; it fails with its log when it ends, or takes too long."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.02)


def start_s3():
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    return server, f"http://{host}:{port}"


def make_bucket(url):
    import boto3

    bucket = f"b-{uuid.uuid4().hex}"
    client = boto3.client(
        "s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id="o", aws_secret_access_key="o"
    )
    client.create_bucket(Bucket=bucket)
    return bucket
