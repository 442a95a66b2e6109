# The image of web, worker and beat. Python 3.13 and PostgreSQL 17's tools are those of Debian 13.
FROM python:3.13-slim-trixie

# pg_dump, pg_restore and psql, as new as the newest target; setpriv (util-linux) is there.
RUN apt-get update \
 && apt-get install -y --no-install-recommends postgresql-client-17 \
 && rm -rf /var/lib/apt/lists/*

WORKDIR /srv/app
COPY requirements/app.txt requirements/app.txt
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements/app.txt
COPY manage.py ./
COPY whitecross_ops whitecross_ops
COPY migrations_portal migrations_portal
COPY templates templates
COPY static static

RUN useradd --uid 1000 --create-home wco
USER wco
ENV PYTHONUNBUFFERED=1
EXPOSE 8000
